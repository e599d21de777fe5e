"""The causal path as a picture: laid out, written as SVG, turned into PNG where that is wanted."""
