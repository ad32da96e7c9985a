# The image of every role of the fleet: `exosphere api`, `scheduler`, `worker`.
#     docker build -f infra/deploy/docker/exosphere.Dockerfile -t exosphere:local .
# BASE is a Debian 12 with apt; docker-compose.yml passes ${DEBIAN_IMAGE}.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
# What is needed stands in one list, packages.txt: the group `build` here, `image` below.
COPY infra/deploy/install-packages infra/deploy/packages.txt /tmp/deploy/
RUN /tmp/deploy/install-packages build && rm -rf /var/lib/apt/lists/*
COPY . /source
# Without the debug information, which does not go into the image.
RUN cmake --preset release -S /source -B /build -DCMAKE_COMPILE_WARNING_AS_ERROR=OFF -DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 \
    && cmake --build /build --target exosphere \
    && install -D -s /build/exosphere /out/exosphere
# The packages of the libraries it is linked with, asked of the program itself, so that no second list can go stale.
RUN mkdir -p /tmp/shlibs/debian && touch /tmp/shlibs/debian/control && cd /tmp/shlibs \
    && dpkg-shlibdeps -O -e/out/exosphere | sed 's/^shlibs:Depends=//; s/([^)]*)//g; s/,//g' > /out/packages

FROM ${BASE}
COPY --from=build /out/packages /tmp/packages
COPY infra/deploy/install-packages infra/deploy/packages.txt /tmp/deploy/
RUN /tmp/deploy/install-packages image \
    && apt-get install -y --no-install-recommends $(cat /tmp/packages) \
    && rm -rf /var/lib/apt/lists/* /tmp/packages /tmp/deploy \
    && useradd --system --user-group --uid 10001 --home-dir /var/lib/exosphere --create-home exosphere
COPY --from=build /out/exosphere /usr/local/bin/exosphere
COPY infra/deploy/docker/exosphere-ready /usr/local/bin/exosphere-ready
# The worker alone needs root; docker-compose.yml says so there.
USER exosphere
WORKDIR /var/lib/exosphere
ENTRYPOINT ["exosphere"]
CMD ["--help"]
