import AMQPClient
import AMQPWire
import Millrace
import Testing

/// Whose fault it is that nothing runs: 78 the file's, 77 a permission's, 69 the broker's.
@Suite struct ExitStatusTests {
    private static func end(_ code: ReplyCode, _ text: String) -> AMQPError {
        AMQPError(closeCode: code, text: text, classID: 10, methodID: 40, scope: .connection)
    }

    @Test func `of a broker that can not be used`() {
        let statuses: [(AMQPError, Millrace.ExitStatus)] = [
            (
                Self.end(.accessRefused, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN"),
                .noPermission
            ),
            (AMQPError(.authenticationFailed, scope: .connection, text: ""), .noPermission),
            (Self.end(.notAllowed, "NOT_ALLOWED - access to vhost 'v' refused for user 'u'"), .noPermission),
            (
                Self.end(
                    .notAllowed,
                    "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (1) is reached"
                ),
                .brokerUnavailable
            ),
            (Self.end(.notAllowed, "NOT_ALLOWED - vhost v not found"), .brokerUnavailable),
            (Self.end(.connectionForced, "CONNECTION_FORCED - broker forced connection closure"), .brokerUnavailable),
            (Self.end(.internalError, "INTERNAL_ERROR"), .brokerUnavailable),
            (AMQPError(.unreachable, scope: .connection, text: ""), .brokerUnavailable),
            (AMQPError(.timeout, scope: .connection, text: ""), .brokerUnavailable),
            (AMQPError(.invalidSettings, scope: .connection, text: ""), .configuration),
        ]
        for (error, status) in statuses { #expect(Millrace.ExitStatus(error) == status, "\(error)") }
    }

    @Test func `of what can not be declared`() {
        let statuses: [(AMQPError, Millrace.ExitStatus)] = [
            (PlannedDeclarationTests.forbidden, .noPermission),
            (PlannedDeclarationTests.differs, .configuration), (PlannedDeclarationTests.missing, .configuration),
            (
                PlannedDeclarationTests.no(
                    .accessRefused,
                    "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'"
                ),
                .configuration
            ),
            (Self.end(.internalError, "INTERNAL_ERROR - Feature `x` is deprecated"), .configuration),
            (Self.end(.commandInvalid, "COMMAND_INVALID - unknown exchange type 'x'"), .configuration),
        ]
        for (error, status) in statuses { #expect(Millrace.ExitStatus(error) == status, "\(error)") }
        for error in PlannedDeclarationTests.healing where error.code != .channelsExhausted {
            #expect(Millrace.ExitStatus(error) == .brokerUnavailable, "\(error)")
        }
    }

    @Test func `of several, the file is named before a permission, and that before the broker`() {
        let (file, user, broker) = (
            PlannedDeclarationTests.differs, PlannedDeclarationTests.forbidden, PlannedDeclarationTests.locked
        )
        #expect(Millrace.ExitStatus.of([broker, user, file]) == .configuration)
        #expect(Millrace.ExitStatus.of([broker, user]) == .noPermission)
        #expect(Millrace.ExitStatus.of([broker]) == .brokerUnavailable)
        // Nothing was asked of the broker: there was no thread.
        #expect(Millrace.ExitStatus.of([]) == .abandoned)
    }
}
