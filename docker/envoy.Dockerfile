# Envoy with the filter in it, for docker-compose.yml. Its first start makes keys: setup.sh.
#
#   docker build -f docker/envoy.Dockerfile -t registry-auth-envoy .
#
# With `--build-arg BUILT=made` nothing is compiled: it takes target/registry_auth.wasm, which `make wasm` leaves there.
ARG BUILT=compiled

# Debian 13: the wasm-opt of the one before is older than what today's compilers write.
FROM rust:1.95-slim-trixie AS compiled
RUN apt-get update && apt-get install -y --no-install-recommends binaryen \
  && rustup target add wasm32-unknown-unknown \
  && mkdir -p /parts/bin && ln -s /usr/bin/wasm-opt /parts/bin/wasm-opt
WORKDIR /src
COPY . .
RUN cargo build --release --locked --target wasm32-unknown-unknown -p registry-auth-filter \
  && REGISTRY_AUTH_CACHE=/parts tests/parts/optimize_wasm.sh \
    target/wasm32-unknown-unknown/release/registry_auth.wasm /registry_auth.wasm

FROM scratch AS made
COPY target/registry_auth.wasm /

FROM ${BUILT} AS built

FROM envoyproxy/envoy:v1.40.0
COPY --from=built /registry_auth.wasm /usr/local/lib/registry_auth.wasm
COPY docker/setup.sh /usr/local/bin/registry-auth-setup
# An empty volume takes over the owner of the folder that it is first mounted on: these are the ones that the stack's
# volumes see first. 10001 is Envoy and registry-auth, 10002 is the registry, which must not read the key.
RUN chmod 644 /usr/local/lib/registry_auth.wasm && chmod 755 /usr/local/bin/registry-auth-setup \
  && install -d -o 10001 -g 10001 -m 700 /setup/key \
  && install -d -o 10001 -g 10001 -m 755 /setup/certificate /setup/directory \
  && install -d -o 10001 -g 10001 -m 700 /setup/accounts \
  && install -d -o 10001 -g 10001 -m 1777 /setup/backends \
  && install -d -o 10002 -g 10002 -m 700 /setup/blobs
USER 10001:10001
EXPOSE 5001
ENTRYPOINT ["envoy"]
CMD ["-c", "/etc/envoy/managed.yaml"]
