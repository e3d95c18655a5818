/// What a message asks of `examples.errand`: a word, for most a number, and then whatever tells it from others.
package enum Errand: Equatable, Sendable {
    /// `nap MS`: takes so long, and ends early when it is asked to.
    case nap(Duration)
    /// `hang MS`: takes so long, and hears nothing.
    case hang(Duration)
    /// `fail N`: fails so often, then it works.
    case fail(times: Int)
    /// `snooze SECOND`: not before that second since 1970.
    case snooze(until: Int)
    /// `reject`: nothing can help it.
    case reject
    /// `discard`: nobody needs it any more.
    case discard
    /// `stop`: what it needs is broken, for the others of its job as well.
    case stop
    /// Any other text.
    case deliver

    /// Reads a message's text; what it does not know is to be delivered.
    package init(_ text: String) {
        let words = text.split(separator: " ", maxSplits: 2)
        let number = words.dropFirst().first.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        switch (words.first, number) {
        case ("nap", let milliseconds?): self = .nap(.milliseconds(milliseconds))
        case ("hang", let milliseconds?): self = .hang(.milliseconds(milliseconds))
        case ("fail", let times?): self = .fail(times: times)
        case ("snooze", let second?): self = .snooze(until: second)
        case ("reject", _): self = .reject
        case ("discard", _): self = .discard
        case ("stop", _): self = .stop
        default: self = .deliver
        }
    }
}
