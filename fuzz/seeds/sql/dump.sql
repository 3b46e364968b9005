create table t (a int); -- x;
/* /* ; */ */ select $x$ ; $x$, E'\';', "a;b", U&';';
\connect x
copy t from stdin;
1	2
\.
create function f() returns int begin atomic select 1; end;
