//! Calls the widget connector without a server: `cargo run -p examples --bin widget`.
//!
//! Prints what the mock scenarios answer, and what a caller is told who left fields out.

use connector_runtime::testing;
use examples::widget::Widget;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), serde_json::Error> {
    let default = testing::call::<Widget>("listWidgets").mock("default").run().await;
    println!("default: {}", serde_json::to_string(&default)?);
    let empty = testing::call::<Widget>("listWidgets").mock("empty").param("limit", 10).run().await;
    println!("empty:   {}", serde_json::to_string(&empty)?);
    let missing = testing::call::<Widget>("listWidgets").param("limit", 501).run().await;
    println!("missing: {}", serde_json::to_string(&missing)?);
    let config =
        |call: testing::TestCall| call.config("baseUrl", "https://api.widget.dev").config("apiKey", "k-123456");
    let invalid = config(testing::call::<Widget>("listWidgets")).param("limit", 501).param("state", "lost").run().await;
    println!("invalid: {}", serde_json::to_string(&invalid)?);
    Ok(())
}
