import linecache
import sys

try:
    code = compile(text, name, "single")
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(code, names)
except Exception as error:
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != name:
        trace = trace.tb_next
    error = error.with_traceback(trace)
    if sys.excepthook is sys.__excepthook__:
        # The default one looks for the lines of a program in files alone.
        from traceback import print_exception

        print_exception(error)
    else:
        sys.excepthook(type(error), error, trace)
