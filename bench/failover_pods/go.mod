module modelyard.example/bench/pods

go 1.26
