# The image of every role of the fleet: `exosphere api`, `scheduler`, `worker`.
#     docker build -f infra/deploy/docker/exosphere.Dockerfile -t exosphere:local .
# BASE is a Debian 12 with apt; docker-compose.yml passes ${DEBIAN_IMAGE}.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
# libcmocka-dev: the tests are configured with everything else, though not built here.
RUN apt-get update && apt-get install -y --no-install-recommends \
        build-essential cmake ninja-build pkg-config protobuf-c-compiler protobuf-compiler \
        libcmocka-dev libcurl4-openssl-dev libhiredis-dev libjansson-dev libmicrohttpd-dev libpq-dev \
        libprotobuf-c-dev librdkafka-dev libsqlite3-dev libssl-dev libuv1-dev libyaml-dev libzstd-dev \
        libseccomp-dev libcap-dev libarchive-dev \
    && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN cmake --preset release -S /source -B /build -DCMAKE_COMPILE_WARNING_AS_ERROR=OFF \
    && cmake --build /build --target exosphere \
    && install -D -s /build/exosphere /out/exosphere
# The packages of the libraries it is linked with, asked of the program itself, so that no second list can go stale.
RUN mkdir -p /tmp/shlibs/debian && touch /tmp/shlibs/debian/control && cd /tmp/shlibs \
    && dpkg-shlibdeps -O -e/out/exosphere | sed 's/^shlibs:Depends=//; s/([^)]*)//g; s/,//g' > /out/packages

FROM ${BASE}
COPY --from=build /out/packages /tmp/packages
# For workers: crun starts containers, skopeo pulls images, umoci unpacks them.
RUN apt-get update \
    && apt-get install -y --no-install-recommends $(cat /tmp/packages) ca-certificates crun skopeo umoci \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --system --user-group --uid 10001 --home-dir /var/lib/exosphere --create-home exosphere
COPY --from=build /out/exosphere /usr/local/bin/exosphere
COPY infra/deploy/docker/exosphere-ready /usr/local/bin/exosphere-ready
# The worker alone needs root; docker-compose.yml says so there.
USER exosphere
WORKDIR /var/lib/exosphere
ENTRYPOINT ["exosphere"]
CMD ["--help"]
