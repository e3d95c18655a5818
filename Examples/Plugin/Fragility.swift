import Glibc
import MillraceHandler

/// What a fragile handler can not bear: `trap_on` (`trap` unless given) crashes it as a forced unwrap of nil would,
/// `overflow_on` (`overflow` unless given) as a recursion that does not end; at `leave_on` (`leave` unless given) it ends the
/// process, as if all were well.
struct Fragility {
    private let trapOn: String
    private let overflowOn: String
    private let leaveOn: String

    /// - Throws: `OptionError` if one of them is no text.
    init(_ options: HandlerOptions) throws {
        self.trapOn = try options.string("trap_on", default: "trap")
        self.overflowOn = try options.string("overflow_on", default: "overflow")
        self.leaveOn = try options.string("leave_on", default: "leave")
    }

    /// Does not return from a text that is one of the three.
    func endure(_ text: String) {
        precondition(text != self.trapOn, "the message that this handler can not bear")
        if text == self.overflowOn { precondition(Self.fall(from: text.utf8.count) != 0) }
        if text == self.leaveOn { exit(0) }
    }

    /// Each call waits for the next one, and subtracts: so the compiler can make no loop of it.
    @inline(never)
    private static func fall(from level: Int) -> Int { level == .max ? 0 : level - Self.fall(from: level + 1) }
}
