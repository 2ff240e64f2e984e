//! A real browser for tests of the web pages: headless Chromium with a profile of its own, driven through chromedriver.
//!
//! Elements are found as people find them: by role and accessible name ([`Browser::find`]), which Chromium computes itself.
//! Both programs are gone with the value, also when a test panics or is killed. They listen on ports that they choose.
//!
//! It is a crate of its own, beside test-support: thirtyfour adds to what a `String` can be added to, which changes what compiles
//! in every crate that sees it.

#![allow(clippy::unwrap_used, reason = "test support: what goes wrong here fails the test")]

mod console;
mod element;
mod keys;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::{Once, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::desiredcapabilities::CapabilitiesHelper as _;
use thirtyfour::{ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use self::element::Element;
pub use self::keys::Keys;
pub use self::page::{Name, begins, has};
pub use thirtyfour::Key;

use test_support::process::{Process, blocking, command};
use test_support::{BOUND, eventually, skipped};

/// The most browsers of one test process at once.
const MAX_BROWSERS: usize = 2;
/// What chromedriver says when it listens.
const STARTED: &str = "was started successfully on port ";
/// What chromedriver says when the port that it was given for IPv6 is taken for IPv4.
const PORT_TAKEN: &str = "port not available";
/// How often chromedriver is started until it has found a port.
const DRIVER_STARTS: usize = 5;
/// How long it is until a page is asked again.
const PAUSE: Duration = Duration::from_millis(20);
/// The file in a profile in which Chromium writes its port.
const PORT_FILE: &str = "DevToolsActivePort";

/// What is not told to a page is not asked of the network either: no updates, no lists, no reports.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--lang=en-US",
    "--remote-debugging-port=0",
];

/// How a browser is set up.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether pages may run scripts: a setting of the browser, as a person would make it.
    pub scripts: bool,
    /// Whether the system is said to be dark.
    pub dark: bool,
    /// Width and height of the page, in CSS pixels.
    pub size: (u32, u32),
}

impl Default for Look {
    fn default() -> Self {
        Self { scripts: true, dark: false, size: (1280, 800) }
    }
}

impl Look {
    /// A browser that runs no scripts.
    pub const WITHOUT_SCRIPTS: Self = Self { scripts: false, dark: false, size: (1280, 800) };
    /// The size of a telephone.
    pub const NARROW: (u32, u32) = (360, 740);
}

/// A running browser with one page, which tests ask and use.
#[derive(Debug)]
pub struct Browser {
    // In the order in which they end: the session asks chromedriver, and chromedriver asks Chromium.
    driver: WebDriver,
    _chromedriver: Process,
    _chromium: Process,
    origin: String,
    _home: TempDir,
    _turn: SemaphorePermit<'static>,
}

impl Browser {
    /// Starts a browser; `None` after one line that says why there is none.
    ///
    /// # Panics
    /// When `FLOH_TEST_REQUIRE` is `all` and a program is missing, and when one does not start.
    pub async fn start(origin: &str, look: Look) -> Option<Self> {
        static TURNS: Semaphore = Semaphore::const_new(MAX_BROWSERS);
        let (chromium, chromedriver) = programs()?;
        let turn = TURNS.acquire().await.unwrap();
        let home = tempfile::Builder::new().prefix("floh-browser-").tempdir().unwrap();
        let profile = home.path().join("profile");
        write_preferences(&profile, look);
        let mut first = command(&chromium, &environment(home.path()), home.path());
        first.args(ARGUMENTS).arg(format!("--user-data-dir={}", profile.display()));
        first.arg(format!("--window-size={},{}", look.size.0, look.size.1)).arg("about:blank");
        let folder = home.path().to_owned();
        let first = blocking(move || Process::spawn(&mut first, &folder, |_| {})).await;
        let port = debugging_port(&profile, &first).await;
        let (second, driver_port) = start_chromedriver(&chromedriver, home.path()).await;
        let driver = session(driver_port, port).await;
        let browser = Self {
            driver,
            _chromedriver: second,
            _chromium: first,
            origin: origin.trim_end_matches('/').to_owned(),
            _home: home,
            _turn: turn,
        };
        browser.look(look).await;
        Some(browser)
    }

    /// Returns whether there is a browser, after one line that says what is missing where there is none.
    ///
    /// # Panics
    /// When `FLOH_TEST_REQUIRE` is `all` and there is none.
    pub fn is_here() -> bool {
        programs().is_some()
    }

    /// Changes colours and size of the page.
    pub async fn look(&self, look: Look) {
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" }]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await.unwrap();
        let (width, height) = look.size;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await.unwrap();
    }

    /// Ends the browser, after a look at what its console said.
    ///
    /// # Panics
    /// When a page logged an error or broke its content security policy.
    pub async fn end(self) {
        self.check_console().await;
        self.driver.quit().await.unwrap();
    }

    /// Sends a command of the DevTools protocol.
    ///
    /// # Errors
    /// What the browser refuses, as a text.
    pub async fn cdp(&self, method: &str, params: Value) -> Result<Value, String> {
        self.driver.cdp().send_raw(method, params).await.map_err(|error| format!("{method}: {error}"))
    }
}

/// Finds both programs, or says in one line which one is missing.
fn programs() -> Option<(PathBuf, PathBuf)> {
    let chromium = on_path(&["chromium", "google-chrome", "chromium-browser"]);
    let chromedriver = on_path(&["chromedriver"]);
    if chromium.is_none() || chromedriver.is_none() {
        skipped("no browser was found (chromium or google-chrome, and chromedriver, on PATH)");
    }
    chromium.zip(chromedriver)
}

#[expect(clippy::disallowed_methods, reason = "where programs are found, not a setting of the server")]
fn path_variable() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let folders = path_variable();
    let found = names.iter().flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)));
    found.into_iter().find(|program| program.is_file())
}

/// The variables of both programs: a home of their own, one language, one time zone.
fn environment(home: &Path) -> BTreeMap<String, String> {
    let home = home.display().to_string();
    let path = path_variable().to_string_lossy().into_owned();
    [("PATH", path), ("HOME", home.clone()), ("TMPDIR", home), ("LANG", "C.UTF-8".into()), ("TZ", "UTC".into())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn write_preferences(profile: &Path, look: Look) {
    const BLOCK: u8 = 2;
    let folder = profile.join("Default");
    fs::create_dir_all(&folder).unwrap();
    let mut preferences =
        json!({ "credentials_enable_service": false, "profile": { "password_manager_enabled": false } });
    if !look.scripts {
        preferences["profile"]["default_content_setting_values"] = json!({ "javascript": BLOCK });
        preferences["profile"]["managed_default_content_settings"] = json!({ "javascript": BLOCK });
    }
    fs::write(folder.join("Preferences"), preferences.to_string()).unwrap();
}

async fn debugging_port(profile: &Path, chromium: &Process) -> u16 {
    let file = profile.join(PORT_FILE);
    let read = || fs::read_to_string(&file).ok()?.lines().next()?.parse().ok();
    let port = tokio::time::timeout(BOUND, eventually("the port of Chromium", || ready(read()))).await;
    port.unwrap_or_else(|_| panic!("Chromium does not listen: {}", chromium.text()))
}

async fn start_chromedriver(program: &Path, home: &Path) -> (Process, u16) {
    let mut command = command(program, &environment(home), home);
    command.arg("--port=0");
    let home = home.to_owned();
    blocking(move || {
        for _ in 0..DRIVER_STARTS {
            let (ready, port) = mpsc::channel();
            let process = Process::spawn(&mut command, &home, move |line| {
                let port =
                    line.split_once(STARTED).and_then(|(_, rest)| rest.trim().trim_end_matches('.').parse().ok());
                if let Some(port) = port {
                    // Nobody listens any more once it runs.
                    let _unheard = ready.send(port).is_err();
                }
            });
            match port.recv_timeout(BOUND) {
                Ok(port) => return (process, port),
                Err(_) if process.text().contains(PORT_TAKEN) => {}
                Err(_) => panic!("chromedriver does not listen: {}", process.text()),
            }
        }
        panic!("chromedriver found no port in {DRIVER_STARTS} starts")
    })
    .await
}

async fn session(driver_port: u16, browser_port: u16) -> WebDriver {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another test of this process may have installed the same one.
        let _installed = rustls::crypto::ring::default_provider().install_default().is_ok();
    });
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.set_debugger_address(&format!("127.0.0.1:{browser_port}")).unwrap();
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
    // A test says itself what is to become of a question such as "Leave this page?".
    capabilities.set("unhandledPromptBehavior", "ignore").unwrap();
    WebDriver::new(format!("http://127.0.0.1:{driver_port}"), capabilities).await.unwrap()
}
