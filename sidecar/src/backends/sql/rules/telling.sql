-- Has the database tell registry-auth of each change of its tables, whoever makes it.
CREATE OR REPLACE FUNCTION registry_auth_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('registry_auth', TG_TABLE_NAME);
  RETURN NULL;
END
$$;

DROP TRIGGER IF EXISTS registry_auth_tell ON xorm_acl_entry;
CREATE TRIGGER registry_auth_tell AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON xorm_acl_entry
  FOR EACH STATEMENT EXECUTE FUNCTION registry_auth_tell();

-- The same for accounts, where they are in this database.
DO $$
BEGIN
  IF to_regclass('xorm_user') IS NOT NULL THEN
    DROP TRIGGER IF EXISTS registry_auth_tell ON xorm_user;
    CREATE TRIGGER registry_auth_tell AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON xorm_user
      FOR EACH STATEMENT EXECUTE FUNCTION registry_auth_tell();
  END IF;
END
$$;
