"""The signature language: TraceQL with typed causal edges, evaluated over the spans of one run.

``parse`` reads text, ``validate`` checks its types, ``compile_query`` gives a ``Signature`` that
can be evaluated against a ``Subject``.
"""
