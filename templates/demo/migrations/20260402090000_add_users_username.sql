-- migrate:up
alter table users add column username text;
update users set username = split_part(email, '@', 1);
alter table users alter column username set not null;
alter table users add constraint users_username_key unique (username);

-- migrate:down
alter table users drop column username;
