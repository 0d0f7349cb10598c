module modelyard.example/bench/upstream

go 1.26
