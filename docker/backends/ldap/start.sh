#!/bin/sh
# Starts slapd with the sample entries, in memory: what is changed while it runs is gone with it.
set -eu
slapadd -q -f /ldap/slapd.conf -l /ldap/people.ldif
slapadd -q -f /ldap/slapd.conf -l /directory/reader.ldif
exec slapd -d stats -h ldap://:1389 -f /ldap/slapd.conf
