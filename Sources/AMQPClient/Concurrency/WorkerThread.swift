import Glibc

/// A named OS thread that runs one closure and can be joined once.
// @unchecked Sendable: `handle` is written before init returns and read by `join` alone.
package final class WorkerThread: @unchecked Sendable {
    private var handle = pthread_t()

    /// Starts the thread.
    ///
    /// - Parameter name: Shown by `top -H` and debuggers; cut to the kernel's 15 octets.
    /// - Throws: The errno of `pthread_create`, when the system has no thread left.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        let code = pthread_create(
            &self.handle,
            nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                pthread_setname_np(pthread_self(), String(start.name.utf8.prefix(15)) ?? "millrace")
                start.body()
                return nil
            },
            start.toOpaque()
        )
        guard code == 0 else {
            start.release()
            throw ThreadError(errno: code)
        }
    }

    /// Waits for the end of the thread. A second call is an error of the caller.
    package func join() { pthread_join(self.handle, nil) }

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}

/// The system refused a thread.
package struct ThreadError: Error, CustomStringConvertible {
    package let errno: Int32
    package var description: String {
        "no thread could be started: \(String(cString: strerror(self.errno))); lower `threads` or raise the limit (ulimit -u)"
    }
}
