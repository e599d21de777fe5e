# causewatch as a container: built in one stage, run in another that holds no compiler and no pip cache.
#
#   docker build -t causewatch .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:4317:4317 -p 127.0.0.1:9319:9319 \
#     -v causewatch:/var/lib/causewatch -v ./causewatch.yaml:/etc/causewatch/causewatch.yaml:ro causewatch
#
# Inside a container "127.0.0.1" is the container itself: listen on 0.0.0.0, with `auth`, or with `auth: none` where
# the network is yours alone. deploy/compose.yaml is an example.
ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /src
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY daemon daemon
COPY rules rules
COPY schemas schemas
COPY deploy/docker/install.sh deploy/docker/install.sh
RUN deploy/docker/install.sh build /src /opt/causewatch
RUN deploy/docker/install.sh state /state

FROM python:${PYTHON} AS run
COPY --from=build /opt/causewatch /opt/causewatch
# A new volume takes owner and mode from what the image has in its place.
COPY --from=build --chown=10001:10001 /state /var/lib/causewatch
ENV PATH=/opt/causewatch/bin:$PATH HOME=/var/lib/causewatch PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /var/lib/causewatch
# OTLP over gRPC, OTLP over HTTP, web pages and metrics.
EXPOSE 4317 4318 9319
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["causewatch", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["causewatch"]
CMD ["serve", "--config", "/etc/causewatch/causewatch.yaml"]
