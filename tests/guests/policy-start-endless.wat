;; Never comes up.
(func $start (loop $again (br $again)))
(start $start)
