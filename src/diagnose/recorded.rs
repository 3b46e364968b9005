//! What was not tried on the real thing in the tests: platforms and engines that are not there. Each has a picture in
//! `tests/fixtures/recorded`, which every test run judges again.

/// A picture, and what it says.
#[derive(Debug)]
pub struct Recorded {
    /// The file's name, without its ending.
    pub fixture: &'static str,
    pub platform: &'static str,
    /// The findings above a note, in order; nothing where it has to be silent.
    pub finds: &'static [&'static str],
    /// How the picture came about.
    pub from: Source,
}

/// Where a picture is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Written by `devdb doctor --report` there.
    Run(&'static str),
    /// Made from a picture of Linux after what others reported; not run there.
    Reports(&'static str),
}

/// All of them, in the order in which they are shown.
pub const RECORDED: &[Recorded] = &[
    Recorded {
        fixture: "podman-port-mismatch",
        platform: "Podman",
        finds: &["port-mismatch"],
        from: Source::Run("Podman 4.3.1 on Debian 12, rootful, Compose 1.29"),
    },
    Recorded {
        fixture: "podman-volume-password-stale",
        platform: "Podman",
        finds: &["volume-password-stale"],
        from: Source::Run("Podman 4.3.1 on Debian 12, rootful, Compose 1.29"),
    },
    Recorded {
        fixture: "podman-healthy",
        platform: "Podman",
        finds: &[],
        from: Source::Run("Podman 4.3.1 on Debian 12, rootful, Compose 1.29"),
    },
    Recorded {
        fixture: "macos-wrong-server",
        platform: "macOS, Docker Desktop and Homebrew",
        finds: &["wrong-server"],
        from: Source::Reports("two listeners on 5432: PostgresApp issue 798, pgvector issue 60"),
    },
    Recorded {
        fixture: "macos-wrong-server-refused",
        platform: "macOS, Docker Desktop and Postgres.app",
        finds: &["wrong-server"],
        from: Source::Reports("`role \"app\" does not exist` from the local server: PostgresApp issue 798"),
    },
    Recorded {
        fixture: "macos-docker-down",
        platform: "macOS, Docker Desktop",
        finds: &["docker-down"],
        from: Source::Reports("Docker Desktop's socket below the home folder: Docker's documentation"),
    },
    Recorded {
        fixture: "macos-brew-upgrade",
        platform: "macOS, Homebrew",
        finds: &["data-folder-major"],
        from: Source::Reports("`brew upgrade` over a data folder of the major before: homebrew-core issue 11678"),
    },
    Recorded {
        fixture: "macos-stale-pidfile",
        platform: "macOS, Homebrew",
        finds: &["stale-pidfile"],
        from: Source::Reports("`lock file \"postmaster.pid\" already exists` after a crash: PostgresApp issue 361"),
    },
    Recorded {
        fixture: "macos-socket-missing",
        platform: "macOS, Homebrew",
        finds: &["socket-missing"],
        from: Source::Reports(
            "the socket in `/tmp`, sought in `/var/run/postgresql`: PostgreSQL's documentation, `unix_socket_directories`",
        ),
    },
    Recorded {
        fixture: "colima-port-mismatch",
        platform: "macOS, Colima",
        finds: &["port-mismatch"],
        from: Source::Reports("Lima's forwarding by `ssh`, the socket below `.colima`: Colima issue 365"),
    },
    Recorded {
        fixture: "orbstack-healthy",
        platform: "macOS, OrbStack",
        finds: &[],
        from: Source::Reports(
            "`OrbStack Helper` holds the ports, the socket below `.orbstack`: OrbStack's documentation",
        ),
    },
    Recorded {
        fixture: "windows-port-reserved",
        platform: "Windows, Docker Desktop",
        finds: &["port-reserved"],
        from: Source::Reports("the engine's error: docker/for-win issues 3171 and 12530"),
    },
    Recorded {
        fixture: "wsl-bind-mount",
        platform: "WSL",
        finds: &["bind-mount-permissions"],
        from: Source::Reports("a data folder on `/mnt/c`: docker-library/postgres issue 1335"),
    },
    Recorded {
        fixture: "wsl-mirrored",
        platform: "WSL",
        finds: &["conn-timeout"],
        from: Source::Reports(
            "silence instead of a refusal with mirrored networking: microsoft/WSL issues 10855 and 12245",
        ),
    },
];
