import CMillraceABI

/// Handlers that are made by a closure, so that they get more than their options: a database, a client, a test's double.
///
///     .sync("greetings.hello", making: { try Greeting($0, clock: clock) })
extension HandlerDefinition {
    /// A handler that never waits.
    ///
    /// - Parameters:
    ///   - name: `plugin.handler`, as jobs.yaml says it.
    ///   - make: Called once per worker, on its thread, with the job's `with:` block. What it throws fails the job.
    /// - Returns: The definition, for ``MillracePlugin/init(name:middleware:_:)``.
    public static func sync<H: SyncJobHandler>(
        _ name: String,
        making make: @escaping @Sendable (HandlerOptions) throws -> H
    ) -> HandlerDefinition {
        HandlerDefinition(name: name) { middleware in
            if middleware.isEmpty {
                return (0, { SyncHandlerBox(try make($0), host: $1, worker: $2) })
            }
            let quick = middleware.compactMap { $0 as? any SyncMiddleware }
            if quick.count == middleware.count {
                return (0, { WrappedSyncHandlerBox(try make($0), quick, host: $1, worker: $2) })
            }
            return (
                UInt32(MILLRACE_HANDLER_ASYNC),
                { AsyncHandlerBox(AwaitedHandler(try make($0)), middleware, host: $1, worker: $2) }
            )
        }
    }

    /// A handler that may wait.
    public static func async<H: JobHandler>(
        _ name: String,
        making make: @escaping @Sendable (HandlerOptions) throws -> H
    ) -> HandlerDefinition {
        HandlerDefinition(name: name) { middleware in
            (UInt32(MILLRACE_HANDLER_ASYNC), { AsyncHandlerBox(try make($0), middleware, host: $1, worker: $2) })
        }
    }

    /// A handler of JSON values that never waits.
    public static func sync<H: SyncTypedJobHandler>(
        _ name: String,
        making make: @escaping @Sendable (HandlerOptions) throws -> H
    ) -> HandlerDefinition {
        .sync(name, making: { SyncTypedHandler(try make($0)) })
    }

    /// A handler of JSON values that may wait.
    public static func async<H: TypedJobHandler>(
        _ name: String,
        making make: @escaping @Sendable (HandlerOptions) throws -> H
    ) -> HandlerDefinition {
        .async(name, making: { TypedHandler(try make($0)) })
    }

    /// A handler that gets several messages at once; see ``HandlerDefinition/batch(_:_:)``.
    public static func batch<H: BatchHandler>(
        _ name: String,
        making make: @escaping @Sendable (HandlerOptions) throws -> H
    ) -> HandlerDefinition {
        HandlerDefinition(name: name) { middleware in
            let faces = middleware.compactMap { $0 as? any BatchMiddleware }
            let error = faces.count < middleware.count ? MiddlewareWithoutBatches(name, middleware) : nil
            return (
                UInt32(MILLRACE_HANDLER_BATCH),
                {
                    if let error { throw error }
                    return BatchHandlerBox(try make($0), faces, host: $1, worker: $2)
                }
            )
        }
    }
}
