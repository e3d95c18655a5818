/// A handler that may wait and whose messages carry a JSON value: ``JobHandler`` with the body decoded.
///
/// A body that does not decode never gets here: it is rejected, and the reason names the place
/// (`orders[3].price: expected a number, got a string`). See ``Message/decode(_:)`` for the rules.
public protocol TypedJobHandler: SendableMetatype {
    /// What a body carries.
    associatedtype Payload: Decodable & Sendable

    /// Makes the instance of one worker; see ``JobHandler/init(_:)``.
    init(_ options: HandlerOptions) throws

    /// Handles one message.
    ///
    /// - Parameters:
    ///   - payload: The body.
    ///   - message: The message it came in: headers, properties, address.
    ///   - context: Publishing, logging, cancellation.
    /// - Returns: What becomes of the message.
    /// - Throws: ``Unrecoverable`` for a reject, anything else for a retry.
    func handle(_ payload: Payload, _ message: borrowing Message, _ context: JobContext) async throws -> Outcome
}

/// ``TypedJobHandler`` without `async`: runs to its end at once.
public protocol SyncTypedJobHandler: SendableMetatype {
    /// What a body carries.
    associatedtype Payload: Decodable

    /// Makes the instance of one worker; see ``JobHandler/init(_:)``.
    init(_ options: HandlerOptions) throws

    /// Handles one message; see ``TypedJobHandler/handle(_:_:_:)``.
    func handle(_ payload: Payload, _ message: borrowing Message, _ context: JobContext) throws -> Outcome
}

/// Decodes, then handles.
struct TypedHandler<H: TypedJobHandler>: JobHandler {
    private let handler: H

    init(_ handler: H) { self.handler = handler }
    init(_ options: HandlerOptions) throws { self.handler = try H(options) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        try await self.handler.handle(try message.decode(H.Payload.self), message, context)
    }
}

/// Decodes, then handles, without waiting.
struct SyncTypedHandler<H: SyncTypedJobHandler>: SyncJobHandler {
    private let handler: H

    init(_ handler: H) { self.handler = handler }
    init(_ options: HandlerOptions) throws { self.handler = try H(options) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try self.handler.handle(try message.decode(H.Payload.self), message, context)
    }
}
