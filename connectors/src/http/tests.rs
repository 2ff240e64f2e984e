mod answers;
mod credentials;
mod failures;
mod requests;
mod upstream;
