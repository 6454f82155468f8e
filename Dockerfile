# An image with treeoflife and what downloads, reports and cards need; docs/install.md says how to build and run it.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/treeoflife/bin:$PATH
WORKDIR /build
RUN python -m venv /opt/treeoflife
# The packages change less often than the sources, so they are a layer of their own.
COPY requirements/image.txt requirements/
RUN pip install --require-hashes --only-binary :all: --requirement requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install --no-deps --no-build-isolation . && pip uninstall --yes pip

FROM python:${PYTHON}-slim
COPY --from=build /opt/treeoflife /opt/treeoflife
RUN useradd --create-home treeoflife
USER treeoflife
ENV PATH=/opt/treeoflife/bin:$PATH
WORKDIR /data
ENTRYPOINT ["treeoflife"]
CMD ["--help"]
