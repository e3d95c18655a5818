import AMQPClient
import CMillraceSystem
import Glibc

/// The terminal while `top` has it: keys come one by one, and the screen is another one.
///
/// Signals that would end or stop the process are held back, and taken between two frames: whoever gets one gives the
/// terminal back first.
final class Terminal {
    private static let ending = [SIGTERM, SIGHUP, SIGINT, SIGQUIT]
    private static let show = "\u{1B}[?1049h\u{1B}[?25l"
    private static let hide = "\u{1B}[?25h\u{1B}[?1049l"

    private var before = termios()
    private var isRaw = false
    private var signals = sigset_t()

    /// Whether there is one to have.
    static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// Whether one shows what is printed.
    static var showsOutput: Bool { isatty(STDOUT_FILENO) == 1 }

    /// To be called before any other thread is there, so that all of them hold signals back.
    init() {
        sigemptyset(&self.signals)
        for signal in Self.ending + [SIGTSTP] { sigaddset(&self.signals, signal) }
        pthread_sigmask(SIG_BLOCK, &self.signals, nil)
        tcgetattr(STDIN_FILENO, &self.before)
        millrace_guard_terminal()  // a crash is no reason to keep it
        self.take()
    }

    deinit { self.giveBack() }

    private func take() {
        var raw = self.before
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        raw.c_iflag &= ~tcflag_t(IXON | ICRNL)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
        self.isRaw = true
        _ = Descriptor.write(Array(Self.show.utf8), to: STDOUT_FILENO)
    }

    /// As it was before.
    func giveBack() {
        guard self.isRaw else { return }
        self.isRaw = false
        let soon = MonotonicClock.now() &+ 1_000_000_000
        _ = Descriptor.write(Array(Self.hide.utf8), to: STDOUT_FILENO, until: soon)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &self.before)
    }

    /// Shows something on it.
    ///
    /// - Returns: Whether it took that.
    func show(_ text: String) -> Bool { Descriptor.write(Array(text.utf8), to: STDOUT_FILENO) == 0 }

    /// How large it is now; 80 by 24 if it does not say.
    static var size: TopScreen.Size {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return TopScreen.Size(columns: 80, rows: 24)
        }
        return TopScreen.Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    /// Waits for keys.
    ///
    /// - Parameter milliseconds: How long.
    /// - Returns: Nil if nobody is there any more.
    func keys(within milliseconds: Int32) -> [TopKey]? {
        var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, milliseconds) > 0 else { return [] }
        var octets = [UInt8](repeating: 0, count: 64)
        let count = octets.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR || errno == EAGAIN { return [] }
        guard count > 0 else { return nil }
        return octets[..<count].contains(0x1A) ? self.stop() : TopKey.read(Array(octets[..<count]))
    }

    /// Does what signals ask that have come: ends the process by the same signal, or stops it until it goes on.
    func takeSignals() {
        var none = timespec()
        while true {
            let signal = sigtimedwait(&self.signals, nil, &none)
            guard signal > 0 else { return }
            if signal == SIGTSTP {
                _ = self.stop()
                continue
            }
            self.giveBack()
            Glibc.signal(signal, SIG_DFL)
            raise(signal)
            pthread_sigmask(SIG_UNBLOCK, &self.signals, nil)
        }
    }

    private func stop() -> [TopKey] {
        self.giveBack()
        raise(SIGSTOP)
        self.take()
        return []
    }
}
