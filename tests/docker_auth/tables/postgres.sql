-- Tables as docker_auth 1.14 made them in PostgreSQL, filled with rows in the form that it reads.
CREATE TABLE public.xorm_acl_entry (
    acl_entry json,
    seq bigint
);
CREATE TABLE public.xorm_user (
    id bigint NOT NULL,
    username character varying(128) NOT NULL,
    password_hash character varying(128) NOT NULL,
    labels json
);
CREATE SEQUENCE public.xorm_user_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.xorm_user_id_seq OWNED BY public.xorm_user.id;
ALTER TABLE ONLY public.xorm_user ALTER COLUMN id SET DEFAULT nextval('public.xorm_user_id_seq'::regclass);
INSERT INTO public.xorm_acl_entry VALUES ('{"Match":{},"Actions":[],"Comment":null}', 90);
INSERT INTO public.xorm_acl_entry VALUES ('{"Match":{"account":"grace","name":"locked/*"},"Actions":[],"Comment":"not for her"}', 5);
INSERT INTO public.xorm_acl_entry VALUES ('{"Match":{"name":"${labels:team}/*"},"Actions":["pull"],"Comment":null}', 20);
INSERT INTO public.xorm_acl_entry VALUES ('{"Match":{"account":"/^(ada|grace)$/","name":"${account}/*"},"Actions":["*"],"Comment":"their own"}', 10);
INSERT INTO public.xorm_acl_entry VALUES ('{"Match":{"type":"registry","name":"catalog","labels":{"team":"b*"}},"Actions":["*"],"Comment":null}', 30);
INSERT INTO public.xorm_acl_entry VALUES ('{"Match":{"account":"grace","name":"locked/*"},"Actions":["*"],"Comment":null}', 6);
INSERT INTO public.xorm_user VALUES (1, 'ada', '$2b$04$vryy/t1dnrJ.cBzFYcccMebZScmAnJG9iyTkQHGF3NqKR7axQFx6q', NULL);
INSERT INTO public.xorm_user VALUES (2, 'ada', '$2b$04$HqFgzS5yK5xdpamdMeGEbOOlbtX09OeVXqZpb75.mfNMuXQo2o0Oi', '{"team":["blue","red"]}');
INSERT INTO public.xorm_user VALUES (3, 'grace', '$2b$04$iktnLJN1h.wgUMfROoUes.S44g93e0e1pYBkO6b7ZSqfhpGsUJsh2', NULL);
INSERT INTO public.xorm_user VALUES (4, 'eve', '$2b$04$j2hHDBD/J.UIG50sFsxwEeQHjnI5RVzZ1Zj/ED0.mJgJPeXR/GQ9y', '{"team":[]}');
SELECT pg_catalog.setval('public.xorm_user_id_seq', 4, true);
ALTER TABLE ONLY public.xorm_user
    ADD CONSTRAINT xorm_user_pkey PRIMARY KEY (id);
