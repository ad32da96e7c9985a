# A stand-in for apache/kafka where no hub can be reached: the same program and jars, configured the same way
# (KAFKA_SOME_NAME becomes some.name). Its context holds jars/ and kafka-entrypoint; see tests/e2e/compose_test.sh.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home appuser \
    && install -d -o appuser /var/lib/kafka/data /etc/kafka
COPY jars /opt/kafka/libs
COPY log4j2.properties kafka-entrypoint /opt/kafka/
# A broker that lives for seconds: the better compiler of the two never pays.
ENV JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1
USER appuser
VOLUME ["/var/lib/kafka/data"]
CMD ["/opt/kafka/kafka-entrypoint"]
