FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/billhook
COPY pyproject.toml constraints.txt README.md ./
COPY receiver receiver
COPY workers workers
COPY workflows workflows
# The uid is fixed: docs/operators.md says what on the host must belong to it.
RUN pip install --disable-pip-version-check -c constraints.txt . \
    && useradd --uid 10001 --user-group --shell /usr/sbin/nologin --home-dir /var/lib/billhook --create-home billhook \
    && install -d -o billhook /var/lib/billhook/ledger-head
USER 10001
WORKDIR /var/lib/billhook
ENTRYPOINT ["billhook"]
CMD ["--help"]
