# A stand-in for redis:7 where no hub can be reached: Debian's Redis 7. Like that image it lets other containers in
# without a password: it listens on the networks it is attached to, which docker-compose.yml publishes nothing of.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
COPY redis-entrypoint /usr/local/bin/
USER redis
WORKDIR /var/lib/redis
ENTRYPOINT ["redis-entrypoint"]
CMD ["redis-server"]
