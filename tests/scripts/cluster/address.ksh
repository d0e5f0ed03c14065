# An address without a name has no status and no doctor: advice says what fits.
try topic list -B 127.0.0.1:1
try topic create t -B 127.0.0.1:1
topic delete t -B 127.0.0.1:1
