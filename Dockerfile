# The operator's image. Everything in it is locked by hash; the second stage has neither compilers nor test tools.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.11-slim
COPY requirements/run.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt && rm /tmp/requirements.txt
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-cache-dir --no-deps --no-index /tmp/wheels/*.whl && rm -r /tmp/wheels
# Python writes nothing at run time: the root file system is read-only. Lines are shown as they are logged.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Kopf asks for the user's name at its start, and no number has one here, neither this nor another that runs it.
ENV USER=imagestreams
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["imagestreams"]
CMD ["run"]
