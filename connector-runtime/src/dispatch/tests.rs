mod calls;
mod fixture;
mod mocks;
mod safety;
