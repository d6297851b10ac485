# The compendium in a container; "In a container" of README.md says how to use it.
#
#   docker build --target runtime --tag compendium .         the pipeline, with a GPU or without
#   docker build --target test    --tag compendium:test .    … and the test tools
#   docker build --target paper   --tag compendium:paper .   … and Quarto
#
# BuildKit is not required. `make container-check` builds this file on a stand-in base, where there is no registry.

# torch 2.13.0 is built for CUDA 13.0 (drivers of branch 580 and newer) and brings CUDA's libraries along, so that a base
# without CUDA serves a machine without GPU: any Debian or Ubuntu with Python 3.11 or 3.12. This tag has not been pulled
# where the file was written: no image registry was in reach there.
ARG BASE_IMAGE=nvidia/cuda:13.0.3-runtime-ubuntu24.04

FROM ${BASE_IMAGE} AS runtime

# LightGBM needs libgomp1. No versions: they are the base's, and Debian and Ubuntu take old ones off their servers.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git libgomp1 make python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*'

# The packages, at the versions of requirements.txt: a layer that a change of the code leaves as it is.
WORKDIR /opt/packages
COPY pyproject.toml requirements.txt docker/list_packages.py ./
RUN python3 -m venv /opt/venv \
    && python3 list_packages.py survey scale > runtime.txt \
    && /opt/venv/bin/pip install --no-cache-dir --constraint requirements.txt --requirement runtime.txt

# All that programs write beside the clone goes to /cache: a volume, so that it can be written under a read-only root
# file system, and by any user.
RUN install --directory --mode 1777 /cache
VOLUME /cache
ENV HOME=/cache/home \
    TMPDIR=/cache/tmp \
    XDG_CACHE_HOME=/cache/xdg/cache \
    XDG_CONFIG_HOME=/cache/xdg/config \
    XDG_DATA_HOME=/cache/xdg/data \
    MPLCONFIGDIR=/cache/matplotlib \
    TORCH_HOME=/cache/torch \
    TORCHINDUCTOR_CACHE_DIR=/cache/torch/inductor \
    TRITON_CACHE_DIR=/cache/torch/triton \
    CUDA_CACHE_PATH=/cache/cuda \
    NUMBA_CACHE_DIR=/cache/numba \
    DVC_SITE_CACHE_DIR=/cache/dvc

# USER names a user where the user id has no name; VENV is where the Makefile finds the packages.
ENV PATH=/opt/venv/bin:$PATH \
    VENV=/opt/venv \
    PYTHONPATH=/compendium \
    PYTHONUNBUFFERED=1 \
    USER=astronomer \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

COPY docker/entrypoint.py /opt/entrypoint.py
ENTRYPOINT ["/opt/venv/bin/python", "/opt/entrypoint.py"]

# The code, for what needs no clone (`python -m analysis check`); a clone mounted here takes its place.
WORKDIR /compendium
COPY . .
USER 1000:1000

ARG SOURCE=unknown
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Machine learning in cosmology, re-tested" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"


FROM runtime AS test

USER 0
WORKDIR /opt/packages
COPY tests/peers.txt ./
RUN python list_packages.py dev > dev.txt \
    && pip install --no-cache-dir --constraint requirements.txt --requirement dev.txt \
    && pip install --no-cache-dir --no-deps --requirement peers.txt
WORKDIR /compendium
USER 1000:1000


FROM runtime AS paper

ARG QUARTO_VERSION=1.8.27
USER 0
WORKDIR /opt/quarto
# The archive is held against the checksums that its own release publishes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && release="https://github.com/quarto-dev/quarto-cli/releases/download/v${QUARTO_VERSION}" \
    && archive="quarto-${QUARTO_VERSION}-linux-$(dpkg --print-architecture).tar.gz" \
    && checksums="quarto-${QUARTO_VERSION}-checksums.txt" \
    && curl --fail --silent --show-error --location --remote-name-all "${release}/${archive}" "${release}/${checksums}" \
    && grep --fixed-strings "  ${archive}" "${checksums}" > wanted.txt \
    && sha256sum --check --strict wanted.txt \
    && tar --extract --gzip --file "${archive}" --strip-components 1 --no-same-owner \
    && rm "${archive}" \
    && ln --symbolic /opt/quarto/bin/quarto /usr/local/bin/quarto
WORKDIR /compendium
USER 1000:1000
