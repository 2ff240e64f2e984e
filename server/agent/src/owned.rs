//! Files and folders that belong to the user of this process alone: what holds keys must not be readable, replaceable or
//! made by somebody else.

use std::fs::{File, Metadata, OpenOptions, symlink_metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Why a file or folder is not this user's alone. Each text says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotOwned {
    /// Others may read or write it.
    #[error("{path} is open to others (mode {mode:04o}); close it with: chmod {right} {path}", path = path.display())]
    OpenToOthers {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The right mode, in octal digits.
        right: &'static str,
    },
    /// Another user owns it.
    #[error(
        "{path} belongs to user {owner}, and this process runs as user {own}; run it as its owner, or give it away with: chown {own} {path}",
        path = path.display()
    )]
    Foreign {
        /// The file or folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The user of this process.
        own: u32,
    },
    /// It is a link, a pipe or another thing.
    #[error("{} is {found}, and has to be {wanted} itself; put the real one there", path.display())]
    Kind {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
    /// The system refuses access.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl NotOwned {
    /// Returns whether there is nothing at the path.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Opens a file with `options`, which must be a regular file of this user with mode 0600 or less.
///
/// A link is not followed, and a pipe is not waited for. What is checked is the open file, because the path may name
/// another one a moment later.
///
/// # Errors
/// If it is not this user's alone, or cannot be opened.
pub fn open_file(path: &Path, options: &OpenOptions) -> Result<File, NotOwned> {
    #[expect(clippy::cast_possible_wrap, reason = "the flags are the system's own bits")]
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = options.clone().custom_flags(flags).open(path).map_err(|error| {
        // Opening a link or a socket fails with texts that do not say so.
        match symlink_metadata(path) {
            Ok(found) if !found.is_file() => kind(path, &found, "a regular file"),
            _ => NotOwned::io(path, error),
        }
    })?;
    let found = file.metadata().map_err(|error| NotOwned::io(path, error))?;
    if !found.is_file() {
        return Err(kind(path, &found, "a regular file"));
    }
    check(path, &found, "600")?;
    Ok(file)
}

/// Checks that a path is a folder of this user with mode 0700 or less, and not a link to one.
///
/// # Errors
/// If it is not.
pub fn check_folder(path: &Path) -> Result<(), NotOwned> {
    // Without a slash at its end, behind which a link would be followed.
    let path: PathBuf = path.components().collect();
    let found = symlink_metadata(&path).map_err(|error| NotOwned::io(&path, error))?;
    if !found.is_dir() {
        return Err(kind(&path, &found, "a folder"));
    }
    check(&path, &found, "700")
}

fn check(path: &Path, found: &Metadata, right: &'static str) -> Result<(), NotOwned> {
    let (owner, own) = (found.uid(), geteuid().as_raw());
    if owner != own {
        return Err(NotOwned::Foreign { path: path.to_owned(), owner, own });
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(NotOwned::OpenToOthers { path: path.to_owned(), mode, right });
    }
    Ok(())
}

fn kind(path: &Path, found: &Metadata, wanted: &'static str) -> NotOwned {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = found.file_type();
    let kinds = [
        (kind.is_symlink(), "a symbolic link"),
        (kind.is_fifo(), "a pipe"),
        (kind.is_socket(), "a socket"),
        (kind.is_block_device() || kind.is_char_device(), "a device"),
        (kind.is_dir(), "a folder"),
    ];
    let found = kinds.iter().find(|(is, _)| *is).map_or("a file", |(_, name)| name);
    NotOwned::Kind { path: path.to_owned(), found, wanted }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        open_file(path, OpenOptions::new().read(true)).unwrap_err().to_string()
    }

    #[test]
    fn only_a_closed_regular_file_is_opened() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        assert!(open_file(&file, OpenOptions::new().read(true)).unwrap_err().is_missing());
        fs::write(&file, "x").unwrap();
        for (mode, closed) in [(0o600, true), (0o400, true), (0o644, false), (0o620, false), (0o602, false)] {
            set_mode(&file, mode);
            assert_eq!(open_file(&file, OpenOptions::new().read(true)).is_ok(), closed, "{mode:o}");
        }
        assert!(refusal(&file).contains("chmod 600"), "{}", refusal(&file));
        set_mode(&file, 0o600);
        let link = home.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(refusal(&link).contains("is a symbolic link"), "{}", refusal(&link));
        let pipe = home.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // Nobody writes into the pipe: waiting for that would never end.
        assert!(refusal(&pipe).contains("is a pipe"), "{}", refusal(&pipe));
        assert!(refusal(home.path()).contains("is a folder"), "{}", refusal(home.path()));
    }

    #[test]
    fn only_a_closed_folder_is_one() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        assert!(check_folder(&data).unwrap_err().is_missing());
        fs::create_dir(&data).unwrap();
        set_mode(&data, 0o755);
        let text = check_folder(&data).unwrap_err().to_string();
        assert!(text.contains("mode 0755") && text.contains("chmod 700"), "{text}");
        set_mode(&data, 0o700);
        check_folder(&data).unwrap();
        let link = home.path().join("link");
        symlink(&data, &link).unwrap();
        for link in [link.clone(), link.join("")] {
            let text = check_folder(&link).unwrap_err().to_string();
            assert!(text.contains("is a symbolic link"), "{text}");
        }
        fs::write(home.path().join("file"), "").unwrap();
        assert!(check_folder(&home.path().join("file")).unwrap_err().to_string().contains("has to be a folder"));
    }

    #[test]
    fn what_another_user_owns_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "x").unwrap();
        set_mode(&file, 0o600);
        // Only root can give a file away; as another user there is nothing to try.
        if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
            let text = refusal(&file);
            assert!(text.contains("belongs to user 65534") && text.contains("chown 0"), "{text}");
        }
    }
}
