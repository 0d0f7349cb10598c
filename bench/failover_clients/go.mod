module modelyard.example/bench/clients

go 1.26
