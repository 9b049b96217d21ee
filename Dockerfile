# The other way to Lambda than the zip: an image with the same pins, for `zappa deploy --docker-image-uri`.
#
#   zappa deploy dev                                         # once by zip, for the stacks and the settings
#   zappa save-python-settings-file dev                      # writes .build/stages/dev/zappa_settings.py
#   docker build --build-arg STAGE=dev --tag ingest .
#
# The base image is Amazon Linux 2023 with the Python of `runtime` in zappa_settings.json. The digest decides what is
# pulled; the tag only says what it is. It is from 2025-11-05, as public repositories recorded it: it was not looked up
# here. Get the current one before you build, for the patches since then:
#
#   docker buildx imagetools inspect public.ecr.aws/lambda/python:3.13 --format '{{.Manifest.Digest}}'
FROM public.ecr.aws/lambda/python:3.13@sha256:11f562115ca14c92740459230f0a6c0dbf8d27152400f852856d73e0a924a0a0

COPY requirements/lambda.txt /tmp/
RUN python -m pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes --requirement /tmp/lambda.txt \
    && rm /tmp/lambda.txt

COPY manage.py ${LAMBDA_TASK_ROOT}/
COPY ingest ${LAMBDA_TASK_ROOT}/ingest
COPY pipeline_site ${LAMBDA_TASK_ROOT}/pipeline_site
RUN rm -rf pipeline_site/local pipeline_site/deploy \
    && mkdir static-root && echo '{"version": "1.1", "paths": {}, "hash": ""}' > static-root/staticfiles.json \
    && DATABASE_URL=postgresql://nobody@127.0.0.1:1/none SECRET_KEY=needed-by-nothing-that-this-command-does \
       python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q ingest pipeline_site

# The certificates of RDS, which `zappa deploy` has fetched; DATABASE_CA names this file.
ARG STAGE
ARG CA=.build/rds-ca-eu-central-1.pem
COPY ${CA} ${LAMBDA_TASK_ROOT}/rds-ca.pem
COPY .build/stages/${STAGE}/zappa_settings.py ${LAMBDA_TASK_ROOT}/

CMD ["pipeline_site.lambda_handler.lambda_handler"]
