#!/bin/sh
# Starts PostgreSQL in the test bench's image, keeping the contract of the official `postgres` image:
# the same variables, the same messages, the same two phases (a socket-only server for the init scripts, then the
# real one). devdb reads those variables and logs in the wild, so the bench has to speak the same language.
set -eu

main_script=/usr/local/bin/docker-entrypoint.sh
init_dir=/docker-entrypoint-initdb.d

# `VAR` or the contents of the file named by `VAR_FILE`; both at once is a mistake worth stopping for.
file_env() {
    variable=$1
    default=${2:-}
    eval "value=\${$variable:-}"
    eval "file=\${${variable}_FILE:-}"
    if [ -n "$value" ] && [ -n "$file" ]; then
        echo >&2 "error: both $variable and ${variable}_FILE are set (but are exclusive)"
        exit 1
    fi
    if [ -n "$file" ]; then
        value=$(cat "$file")
    fi
    export "$variable=${value:-$default}"
    unset "${variable}_FILE"
}

as_postgres() {
    HOME=/var/lib/postgresql exec setpriv --reuid=999 --regid=999 --clear-groups "$@"
}

create_directories() {
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA" 2>/dev/null || :
    chmod 3777 /var/run/postgresql 2>/dev/null || :
    if [ "$(id -u)" = 0 ]; then
        find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
        chown postgres:postgres /var/run/postgresql
    fi
}

# Since 18, data live below the volume, in a folder of the major's own, and a mount at the old place is an error: what
# is written there would not be found by the next major's `pg_upgrade`.
refuse_old_mount() {
    old=/var/lib/postgresql/data
    if [ "$PG_MAJOR" -ge 18 ] && [ "$PGDATA" = "/var/lib/postgresql/$PG_MAJOR/docker" ] && grep -q " $old " /proc/self/mountinfo; then
        cat >&2 <<MESSAGE
Error: in 18+, these Docker images are configured to store database data in a
       format which is compatible with "pg_ctlcluster" (specifically, using
       major-version-specific directory names).

       Counter to that, there appears to be PostgreSQL data in:
         $old
MESSAGE
        exit 1
    fi
}

verify_minimum_env() {
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        cat >&2 <<'MESSAGE'
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.
MESSAGE
        exit 1
    fi
}

init_database_dir() {
    passwords=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$passwords"
    # initdb refuses an empty password file; with `trust` there may be no password at all.
    if [ -n "$POSTGRES_PASSWORD" ]; then
        set -- --pwfile="$passwords"
    else
        set --
    fi
    # POSTGRES_INITDB_ARGS is a list of arguments by contract.
    eval "initdb --username=\"\$POSTGRES_USER\" \"\$@\" ${POSTGRES_INITDB_ARGS:-}"
    rm -f "$passwords"
}

setup_hba_conf() {
    {
        printf '\n'
        if [ "$POSTGRES_HOST_AUTH_METHOD" = trust ]; then
            echo '# warning trust is enabled for all connections'
        fi
        printf 'host all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD"
    } >>"$PGDATA/pg_hba.conf"
}

process_sql() {
    PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc "$@"
}

create_database() {
    if [ "$POSTGRES_DB" != postgres ]; then
        process_sql --dbname postgres --set db="$POSTGRES_DB" <<'SQL'
CREATE DATABASE :"db" ;
SQL
    fi
}

process_init_files() {
    for file in "$init_dir"/*; do
        case "$file" in
            *.sh)
                if [ -x "$file" ]; then
                    printf '%s: running %s\n' "$main_script" "$file"
                    "$file"
                else
                    printf '%s: sourcing %s\n' "$main_script" "$file"
                    . "$file"
                fi
                ;;
            *.sql)
                printf '%s: running %s\n' "$main_script" "$file"
                process_sql --dbname "$POSTGRES_DB" -f "$file"
                ;;
            *.sql.gz)
                printf '%s: running %s\n' "$main_script" "$file"
                gunzip -c "$file" | process_sql --dbname "$POSTGRES_DB"
                ;;
            "$init_dir/*") ;;
            *) printf '%s: ignoring %s\n' "$main_script" "$file" ;;
        esac
    done
}

initialise() {
    verify_minimum_env
    init_database_dir
    setup_hba_conf
    export PGPASSWORD="$POSTGRES_PASSWORD"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p ${PGPORT:-5432}" -w start
    create_database
    process_init_files
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

# `postgres --version` and the like need no database.
wants_help() {
    for argument in "$@"; do
        case "$argument" in
            '-?' | --help | --describe-config | -V | --version) return 0 ;;
        esac
    done
    return 1
}

main() {
    case "${1:-}" in
        -*) set -- postgres "$@" ;;
    esac
    # Any other command (`sleep`, `psql`, a shell) runs as it is: that is how a test gets an idle container.
    if [ "${1:-}" != postgres ] || wants_help "$@"; then
        exec "$@"
    fi
    file_env POSTGRES_PASSWORD
    file_env POSTGRES_USER postgres
    file_env POSTGRES_DB "$POSTGRES_USER"
    : "${POSTGRES_HOST_AUTH_METHOD:=scram-sha-256}"
    create_directories
    if [ "$(id -u)" = 0 ]; then
        export POSTGRES_HOST_AUTH_METHOD
        as_postgres "$0" "$@"
    fi
    refuse_old_mount
    if [ -s "$PGDATA/PG_VERSION" ]; then
        printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
    else
        initialise
    fi
    exec "$@"
}

main "$@"
