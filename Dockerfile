FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/billhook
COPY pyproject.toml constraints.txt README.md ./
COPY receiver receiver
COPY workers workers
COPY workflows workflows
RUN pip install --disable-pip-version-check -c constraints.txt . \
    && useradd --system --home-dir /var/lib/billhook --create-home billhook \
    && install -d -o billhook /var/lib/billhook/ledger-head
USER billhook
WORKDIR /var/lib/billhook
ENTRYPOINT ["billhook"]
CMD ["--help"]
