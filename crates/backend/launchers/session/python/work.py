"""Waiting for what the interpreter would wait for at the end of a script.

Pools, managers and their workers end only in the exit hooks of their libraries. Here they live on, so
nobody waits for them unless they have work to do.
"""

import sys
import time

modules, sleep = sys.modules, time.sleep
SHORTEST, LONGEST = 0.001, 0.02


def wait_for_work(before):
    """Waits for threads and child processes that are not among those `before`."""
    pause = SHORTEST
    while is_busy(before):
        sleep(pause)
        pause = min(2 * pause, LONGEST)


def is_busy(before):
    try:
        return any(is_awaited(worker) for worker in others(before)) or is_pool_busy()
    except Exception:
        # The program has changed what its libraries need. Then nobody can tell.
        return False


def others(before):
    """Threads and processes that the end of a script waits for."""
    threading = modules.get("threading")
    processes = modules.get("multiprocessing.process")
    threads = threading.enumerate() if threading else []
    found = [thread for thread in threads if not thread.daemon]
    if threading:
        # Not among those before a program that is the first to import the module.
        found = [thread for thread in found if thread is not threading.main_thread()]
    found += [child for child in list(getattr(processes, "_children", ())) if not child.daemon]
    return [worker for worker in found if worker not in before]


def is_awaited(worker):
    if worker in kept_workers():
        return False
    poll = getattr(getattr(worker, "_popen", None), "poll", None)
    return worker.is_alive() if poll is None else poll() is None


def kept_workers():
    """Threads of executors, and processes that an exit hook ends."""
    kept = set()
    for name in list(modules):
        for registry in ("_threads_queues", "_threads_wakeups"):
            table = getattr(modules.get(name), registry, None)
            if hasattr(table, "keys") and name.rpartition(".")[2] in POOL_MODULES:
                kept.update(table.keys())
    for thread in list(kept):
        kept.update((getattr(thread, "processes", None) or {}).values())
    util = modules.get("multiprocessing.util")
    for finalizer in list(getattr(util, "_finalizer_registry", {}).values()):
        for value in getattr(finalizer, "_args", None) or ():
            values = value if isinstance(value, list) else [value]
            kept.update(item for item in values if hasattr(item, "_popen"))
    return kept


POOL_MODULES = {"thread", "process", "process_executor"}


def is_pool_busy():
    """Whether a pool that lives on has anything to do."""
    for name in ("concurrent.futures.thread", "concurrent.futures.process", PROCESS_EXECUTOR):
        module = modules.get(name)
        for registry in ("_threads_queues", "_threads_wakeups"):
            for thread in list(getattr(module, registry, None) or ()):
                if has_work(thread):
                    return True
    return False


PROCESS_EXECUTOR = "joblib.externals.loky.process_executor"


def has_work(thread):
    pending = getattr(thread, "pending_work_items", None)
    if pending is not None:
        return bool(pending)
    pool = (getattr(thread, "_args", None) or (lambda: None,))[0]()
    if pool is None:
        return False
    return not pool._work_queue.empty() or pool._idle_semaphore._value < len(pool._threads)
