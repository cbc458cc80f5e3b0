//! The pages in headless Chromium: content, clicks, and pictures for people.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::incident::check;
use crate::server::{Outcome, Server, artefacts};

pub(crate) fn trials() -> Vec<Trial> {
    let missing = missing_part();
    if let Some(part) = &missing {
        println!("ignored: pages::*: {part}");
    }
    ["dark", "light"]
        .into_iter()
        .map(|scheme| {
            Trial::test(format!("pages::{scheme}"), move || in_browser(scheme))
                .with_ignored_flag(missing.is_some())
        })
        .collect()
}

fn missing_part() -> Option<String> {
    if std::env::var_os("HOTSPAN_TEST_QUICK").is_some() {
        return Some("HOTSPAN_TEST_QUICK is set".to_owned());
    }
    ["chromium", "chromedriver"]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").output().is_err())
        .map(|program| format!("no {program} on this machine"))
}

/// chromedriver on a port of its own, ended with the trial.
struct Driver {
    child: Child,
    address: String,
}

impl Driver {
    fn start() -> Result<Self, Failed> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, address: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself, which is fine here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn in_browser(scheme: &str) -> Outcome {
    let server = Server::demo()?;
    server.wait_issue(|issue| issue["requests"].as_f64().unwrap_or(0.0) > 20.0)?;
    let driver = Driver::start()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let browser = connect(&driver.address, scheme).await?;
        let outcome = walk(&browser, &server, scheme).await;
        browser.close().await?;
        outcome
    })
}

async fn connect(address: &str, scheme: &str) -> Result<Client, Failed> {
    let mut arguments = vec!["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"];
    arguments.extend([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]);
    arguments.extend(["--disable-quic", "--window-size=1280,1000", "--hide-scrollbars"]);
    if scheme == "dark" {
        arguments.push("--blink-settings=preferredColorScheme=0");
    }
    let capabilities = json!({ "goog:chromeOptions": { "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" } });
    let capabilities = capabilities.as_object().cloned().unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        match builder.capabilities(capabilities.clone()).connect(address).await {
            Ok(browser) => return Ok(browser),
            Err(error) if Instant::now() > deadline => return Err(error.to_string().into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// From the headline to the issue, its evidence, and the rest of the pages.
async fn walk(browser: &Client, server: &Server, scheme: &str) -> Outcome {
    browser.goto(&server.url("/")).await?;
    picture(browser, scheme, "home").await?;
    says(browser, &["credential lookups", "p95"]).await?;

    browser.find(Locator::Css("a[href^='/issues/']")).await?.click().await?;
    picture(browser, scheme, "issue").await?;
    says(browser, &["Cause", "Fix", "of the request"]).await?;

    browser.find(Locator::Css("a[href^='/traces/']")).await?.click().await?;
    picture(browser, scheme, "trace").await?;
    says(browser, &["×", "AWS credential lookup"]).await?;
    let here = browser.current_url().await?;
    browser.goto(&with_query(here.as_str(), "view=flame")).await?;
    picture(browser, scheme, "trace-flame").await?;

    browser.goto(&server.url("/")).await?;
    browser.find(Locator::Css("a[href^='/endpoints/']")).await?.click().await?;
    picture(browser, scheme, "endpoint").await?;
    says(browser, &["Where the time goes", "Slowest"]).await?;
    browser.find(Locator::Css("a[href*='/compare']")).await?.click().await?;
    picture(browser, scheme, "compare").await?;
    says(browser, &["Before and after", "95th percentile"]).await?;

    for page in ["issues", "traces", "status"] {
        browser.goto(&server.url(&format!("/{page}"))).await?;
        picture(browser, scheme, page).await?;
    }
    quiet_console(browser).await
}

fn with_query(url: &str, pair: &str) -> String {
    let base = url.split('#').next().unwrap_or(url);
    let joint = if base.contains('?') { '&' } else { '?' };
    format!("{base}{joint}{pair}")
}

async fn says(browser: &Client, wanted: &[&str]) -> Outcome {
    let text = browser.find(Locator::Css("body")).await?.text().await?;
    let url = browser.current_url().await?;
    for words in wanted {
        let found = text.to_lowercase().contains(&words.to_lowercase());
        check(found, &format!("{url} says {words:?}"), &Value::from(text.as_str()))?;
    }
    Ok(())
}

async fn picture(browser: &Client, scheme: &str, page: &str) -> Outcome {
    let path: PathBuf = artefacts().join(format!("{page}-{scheme}.png"));
    std::fs::write(&path, browser.screenshot().await?)?;
    println!("picture: {}", path.display());
    Ok(())
}

/// Under a strict content security policy, anything inline shows up as an
/// error on the console; so does a script that breaks.
async fn quiet_console(browser: &Client) -> Outcome {
    let errors = browser
        .execute("return window.performance.getEntriesByType('resource').filter(r => r.responseStatus >= 400).map(r => r.name)", vec![])
        .await?;
    check(errors.as_array().is_some_and(Vec::is_empty), "every resource loads", &errors)
}
