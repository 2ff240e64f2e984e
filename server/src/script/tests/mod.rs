mod answer;
mod frame;
mod queue;
