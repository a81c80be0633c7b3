#!/bin/bash
# The first start of docker-compose.yml: makes the key that tokens are signed with, and an account, into volumes that stay
# until `docker compose down -v`, and prints what to try. It runs in Envoy's image, which has openssl: so the stack
# needs no further image, and that of registry-auth stays small.
set -euo pipefail
# `ADDRESS`: where a client reaches Envoy.
address=${ADDRESS:?}
key=/setup/key certificate=/setup/certificate directory=/setup/directory

# Each profile of docker-compose.yml has a file here, which is empty until the profile puts its own in the place. So it is
# at each start, since nothing tells which profiles were left out.
for profile in ldap postgres mariadb sqlite mongo htpasswd casbin; do
  printf '{}\n' >"/setup/backends/$profile.new"
  chmod 644 "/setup/backends/$profile.new"
  mv "/setup/backends/$profile.new" "/setup/backends/$profile.yml"
done

umask 077
# The key comes into its place last, so that an interruption leaves no half of a pair.
if [[ ! -s $key/token.key ]]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=registry-auth \
    -keyout "$key/token.key.new" -out "$certificate/token.crt" 2>/dev/null
  # The registry reads it as another account.
  chmod 644 "$certificate/token.crt"
  mv "$key/token.key.new" "$key/token.key"
fi

# The account that looks others up in the directory of the profile `ldap`, which itself is given the hash.
if [[ ! -s $key/ldap.password ]]; then
  password=$(openssl rand -hex 16) salt=$(openssl rand -hex 8)
  hash=$({ printf %s "$password$salt" | openssl dgst -sha1 -binary; printf %s "$salt"; } | openssl base64 -A)
  printf 'dn: cn=reader,dc=corp,dc=example\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n' \
    >"$directory/reader.ldif"
  printf 'cn: reader\nuserPassword: {SSHA}%s\n' "$hash" >>"$directory/reader.ldif"
  # The directory reads it as another account.
  chmod 644 "$directory/reader.ldif"
  printf '%s\n' "$password" >"$key/ldap.password.new"
  mv "$key/ldap.password.new" "$key/ldap.password"
fi

if [[ -s $key/users.yml ]]; then
  printf 'The account `admin` has the password that was printed at the first start.\n'
  exit 0
fi
password=$(openssl rand -hex 16)
# 128 random bits need no slow hash.
hash=$(printf %s "$password" | sha256sum)
cat <<TEXT
An account was made: \`admin\`, with the password

  $password

It is printed this once; only its hash is kept. To try it, once everything runs:

  docker login $address --username admin
  docker tag IMAGE $address/team/app:1
  docker push $address/team/app:1
  docker logout $address; docker pull $address/team/app:1    # denied; what lies in public/ everybody may pull

Users and rules stand in docker/config/auth_config.yml. Edit it: a change is in force within a second of being saved,
and what is wrong with one that is refused is told by \`docker compose logs registry-auth\`.
TEXT
printf 'users:\n  admin: {password: "sha256:%s"}\n' "${hash%% *}" >"$key/users.yml.new"
mv "$key/users.yml.new" "$key/users.yml"
