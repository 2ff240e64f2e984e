mod answers;
mod credentials;
mod failures;
mod lists;
mod more;
mod requests;
mod upstream;
