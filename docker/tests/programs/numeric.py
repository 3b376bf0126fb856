"""numpy and pandas, with their threads, under the seccomp profile."""

import numpy
import pandas

a = numpy.random.default_rng(1).random((600, 600))
assert numpy.allclose(a @ numpy.linalg.inv(a), numpy.eye(600), atol=1e-6)
frame = pandas.DataFrame({"k": list("abab"), "v": [1, 2, 3, 4]})
assert frame.groupby("k").v.sum().to_dict() == {"a": 4, "b": 6}
frame.to_csv("/sandbox/frame.csv")
assert len(pandas.read_csv("/sandbox/frame.csv")) == 4
m = numpy.memmap("/sandbox/m", dtype="int64", mode="w+", shape=1000)
m[:] = 3
m.flush()
print("ok", numpy.__version__, pandas.__version__)
print("done")
