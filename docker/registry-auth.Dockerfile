# The program `registry-auth`, in the place of docker_auth's image: /bin/sh (busybox), CA roots, the configuration at
# /config/auth_config.yml, port 5001, and /docker_auth/auth_server for whoever calls it by that name.
#
#   docker build -f docker/registry-auth.Dockerfile -t registry-auth .
#
# With `--build-arg BUILT=made` nothing is compiled: it takes target/image, which `make images` lays out.
ARG BUILT=compiled

FROM rust:1.95-slim-bookworm AS compiled
WORKDIR /src
COPY . .
RUN cargo build --profile program --locked -p registry-auth-sidecar \
  && docker/image.sh target/program/registry-auth /image

FROM scratch AS made
COPY target/image/ /image/

FROM ${BUILT} AS built

# 20 MB in all. With `glibc`, since a static program cannot ask for names the way its machine does.
FROM busybox:1.37-glibc
COPY --from=built /image/ /
# The filter's socket lies there; who can open it gets keys and hashes.
RUN mkdir -p /config /run/registry-auth && chown 10001:10001 /run/registry-auth && chmod 700 /run/registry-auth
USER 10001:10001
EXPOSE 5001
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["registry-auth", "health"]
ENTRYPOINT ["registry-auth"]
CMD ["/config/auth_config.yml"]
