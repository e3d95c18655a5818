import Glibc

/// A named OS thread that runs one closure and is joined once.
package struct WorkerThread: Sendable {
    private let handle: pthread_t
    #if DEBUG
        /// Its number where a simulation runs.
        private var simulated: Int?
    #endif

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: Shown by `top -H` and debuggers; cut to the kernel's 15 octets.
    ///   - body: Runs on the thread.
    /// - Returns: The thread, to be joined once.
    /// - Throws: The errno of `pthread_create`, when the system has no thread left.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) -> WorkerThread
    {
        #if DEBUG
            if let world = CurrentWorld.world {
                let (number, part) = world.begin(name, body)
                var thread = try Self.startNow(name: name, part)
                thread.simulated = number
                world.started(number)
                return thread
            }
        #endif
        return try Self.startNow(name: name, body)
    }

    private init(handle: pthread_t) { self.handle = handle }

    private static func startNow(
        name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) -> WorkerThread {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        let code = pthread_create(&handle, nil, Self.entry, start.toOpaque())
        if code != 0 {
            start.release()
            throw ThreadError(errno: code)
        }
        return WorkerThread(handle: handle)
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        Self.nameThisThread(start.name)
        start.body()
        return nil
    }

    /// Through /proc, because Swift's Glibc module has neither pthread_setname_np nor prctl.
    ///
    /// Without /proc: no name.
    private static func nameThisThread(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY)
        guard file >= 0 else { return }
        let octets = Array(name.utf8.prefix(15))
        _ = write(file, octets, octets.count)
        close(file)
    }

    /// Waits for the end of the thread.
    ///
    /// A second call is an error of the caller.
    package func join() {
        #if DEBUG
            if let number = self.simulated { CurrentWorld.world?.join(number) }
        #endif
        pthread_join(self.handle, nil)
    }

    /// Gives up the right to join: the thread may never end.
    package func detach() { pthread_detach(self.handle) }

    private final class Start: Sendable {
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

    /// - Parameter errno: Of `pthread_create`.
    package init(errno: Int32) { self.errno = errno }

    package var description: String {
        let reason = String(cString: strerror(self.errno))
        return "no thread could be started: \(reason); lower `threads` or raise the limit (ulimit -u)"
    }
}

/// How a thread is started: ``WorkerThread/start(name:_:)``, or what stands in for it.
package typealias ThreadStart =
    @Sendable (_ name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) -> WorkerThread
