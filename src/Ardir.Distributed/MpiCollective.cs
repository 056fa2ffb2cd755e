using System.Security.Cryptography;
using System.Text;

namespace Ardir.Distributed;

/// <summary>
/// The ranks that an MPI launcher has started: <c>mpirun -n 4 dotnet app.dll</c>, or <c>srun</c>. The library of the launcher is loaded
/// when <see cref="Run"/> or <see cref="Start"/> is called; there may be one collective per process.
/// </summary>
/// <remarks>
/// <para>Which library: the one that <c>library</c> or the environment variable <c>ARDIR_MPI_LIBRARY</c> names, otherwise the first that is
/// installed, one of the launcher's kind before others. Open MPI 4 to 6, MPICH and its kin, and libraries with the standard ABI of MPI 5
/// are told apart when they are loaded. Without a launcher there is a single rank.</para>
/// <para>Before values move, all ranks compare what they call: different calls, dtypes or shapes are an <see cref="MpiException"/> at
/// every rank. A sum has the same bits at every rank, because the algorithms of these libraries compute each partial sum once, or twice
/// from the same two numbers; which partial sums there are depends on the number of ranks, so another number of ranks rounds differently.
/// A maximum is NaN where any value is NaN.</para>
/// <para>Contiguous tensors on the CPU are exchanged where they lie, all others through a contiguous copy, for a GPU in pinned memory.
/// Where the library says that it takes GPU memory (CUDA-aware), sums, maxima and broadcasts of contiguous tensors need no copy.</para>
/// </remarks>
/// <example><code>
/// return MpiCollective.Run(ranks => {
///     using var count = torch.tensor(new[] { 1.0 });
///     ranks.AllReduce(count);
///     if (ranks.Rank == 0) Console.WriteLine($"{count.item&lt;double>()} ranks");
///     return 0;                                     // the exit code; an exception at any rank ends all of them
/// });
/// </code></example>
public sealed class MpiCollective : ICollective, IDisposable
{
    private static int _isStarted;

    private readonly MpiLibrary _library;
    private int _isBusy;
    private int _isOver;

    private MpiCollective(MpiLibrary library)
    {
        (_library, Rank, Size) = (library, library.Rank(), library.Size());
        Exchange = new MpiExchange(library, Rank, Size);
        var machines = Exchange.OfAll(Machine());
        (LocalRank, LocalSize) = (machines.Take(Rank).Count(one => one == machines[Rank]), machines.Count(one => one == machines[Rank]));
        if (Size == 1) return;
        AppDomain.CurrentDomain.UnhandledException += OnUnhandledException;
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>The number of this process among those of the same machine, from 0 to <see cref="LocalSize"/> - 1: it chooses a GPU,
    /// <c>torch.device("cuda", ranks.LocalRank)</c>.</summary>
    public int LocalRank { get; }

    /// <summary>How many of the processes run on this machine.</summary>
    public int LocalSize { get; }

    /// <summary>How many ranks the launcher of this process says that it has started; 1 without one. Loads no library.</summary>
    public static int LaunchedRanks => Launcher.Find(Environment.GetEnvironmentVariable)?.Size ?? 1;

    /// <summary>The MPI library in use: the name by which it was loaded, and its version.</summary>
    public string Library => $"{_library.Name} ({_library.Version})";

    internal MpiExchange Exchange { get; }

    internal bool IsBusy => Volatile.Read(ref _isBusy) != 0;

    /// <summary>
    /// Runs a program at this rank, and returns when all ranks have finished theirs. An exception that leaves the program is written to the
    /// standard error stream with the number of the rank, and ends all ranks with exit code 1: otherwise they would wait for this one for
    /// ever. With a single rank it is thrown on.
    /// </summary>
    /// <param name="program">What every rank does, from the same arguments. It returns the exit code of the rank.</param>
    /// <param name="library">A file, or a name that the loader finds; by default what the remarks of this class say.</param>
    /// <returns>What the program returned.</returns>
    /// <exception cref="MpiException">There is no MPI library, or it does not belong to the launcher.</exception>
    /// <exception cref="InvalidOperationException">There is, or was, a collective in this process already.</exception>
    public static int Run(Func<MpiCollective, int> program, string? library = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        var ranks = Start(library);
        try
        {
            var code = program(ranks);
            ranks.End();
            return code;
        }
        catch (Exception e) when (ranks.Size > 1)
        {
            ranks.Abort(e.ToString());
            throw;
        }
        finally
        {
            // A single rank waits for nobody, so that it can always finish.
            if (ranks.Size == 1) ranks.Finish();
        }
    }

    /// <summary>Joins the ranks of the launcher. Prefer <see cref="Run"/>, which also ends all ranks when one of them fails.</summary>
    /// <param name="library">A file, or a name that the loader finds; by default what the remarks of this class say.</param>
    /// <returns>The collective, to be disposed by the caller. A process that exits before ends all ranks, and so does an exception that
    /// nobody catches. One that leaves a <c>using</c> block while the others go on is not shown: disposing ends all first.</returns>
    /// <exception cref="MpiException">There is no MPI library, or it does not belong to the launcher.</exception>
    /// <exception cref="InvalidOperationException">There is, or was, a collective in this process already.</exception>
    public static MpiCollective Start(string? library = null)
    {
        if (OperatingSystem.IsWindows())
            throw new MpiException("MPI is supported on Linux and macOS only. Run without it, as a single process.");
        if (Interlocked.Exchange(ref _isStarted, 1) != 0)
            throw new InvalidOperationException(
                "There is, or was, an MpiCollective in this process already, and MPI starts once per process. Pass the first one on.");
        MpiLibrary found;
        try
        {
            found = MpiStart.Load(library);
        }
        catch
        {
            // Where MPI has not been started, another library can be tried; otherwise the next attempt says so.
            _isStarted = 0;
            throw;
        }
        return new MpiCollective(found);
    }

    /// <inheritdoc/>
    /// <exception cref="MpiException">The ranks called different things, or MPI reported an error.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the collective.</exception>
    public void AllReduce(Tensor values, Reduction reduction = Reduction.Sum)
    {
        CollectiveGuard.InPlace(values, nameof(values));
        if (!Enum.IsDefined(reduction)) throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "Expected Sum or Max.");
        using var turn = Enter(Call.With(CallKind.AllReduce, values, 0, (long)reduction));
        if (reduction == Reduction.Max && values.is_floating_point()) Exchange.LargestFloats(values);
        else Exchange.AllReduce(values, reduction);
    }

    /// <inheritdoc/>
    /// <exception cref="MpiException">The ranks called different things, or MPI reported an error.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the collective.</exception>
    public void Broadcast(Tensor values, int root = 0)
    {
        CollectiveGuard.InPlace(values, nameof(values));
        CollectiveGuard.Root(root, Size);
        using var turn = Enter(Call.With(CallKind.Broadcast, values, 0, root));
        Exchange.Broadcast(values, root);
    }

    /// <inheritdoc/>
    /// <exception cref="MpiException">The ranks called different things, or MPI reported an error.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the collective.</exception>
    public Tensor AllGather(Tensor values)
    {
        CollectiveGuard.Rows(values, nameof(values));
        using var turn = Enter(Call.With(CallKind.AllGather, values, 1, 0));
        using var scope = NewDisposeScope();
        return Transfer.To(Exchange.AllGather(values), values.device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <exception cref="MpiException">The ranks called different things, or MPI reported an error.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the collective.</exception>
    public void Barrier()
    {
        // Agreeing takes all ranks.
        using var turn = Enter(Call.Without(CallKind.Barrier));
    }

    /// <summary>Waits until all ranks dispose theirs, and ends MPI. Where another rank calls something else, all ranks are ended,
    /// because it would wait for ever.</summary>
    public void Dispose() =>
        End(" If an exception left the 'using' block of this rank, MpiCollective.Run in place of Start would have shown it.");

    // Hashes of texts differ between processes of .NET, so it is one that does not.
    private static long Machine() => BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes(Environment.MachineName)));

    // The message alone: that others go on is no fault of this library, whose stack trace would tell nothing.
    private void End(string advice = "")
    {
        try
        {
            Finish();
        }
        catch (MpiException e)
        {
            Abort(e.Message + advice);
        }
    }

    private void Finish()
    {
        if (_isOver != 0) return;
        Enter(Call.Without(CallKind.Dispose)).Dispose();
        Leave();
        _library.Finish();
    }

    // The first to come: an exception may be on its way while the process exits.
    private bool Leave()
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0) return false;
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandledException;
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        return true;
    }

    private void Abort(string why)
    {
        if (!Leave()) return;
        LastWords.Say($"Rank {Rank} of {Size} on {Environment.MachineName} failed, which ends all ranks: {why}");
        // Launchers drop what they have not passed on by the time they end.
        Thread.Sleep(200);
        _library.Abort(1);
    }

    private void OnUnhandledException(object sender, UnhandledExceptionEventArgs failure) => Abort($"{failure.ExceptionObject}");

    private void OnProcessExit(object? sender, EventArgs exit) =>
        Abort("its process exits before the collective is disposed, and the other ranks would wait for it.");

    private Turn Enter(Call call)
    {
        ObjectDisposedException.ThrowIf(_isOver != 0, this);
        if (Interlocked.Exchange(ref _isBusy, 1) != 0)
            throw new InvalidOperationException(
                $"{call.Kind} was called while another thread is using the collective. Let one thread at a time use it: which call of " +
                "one rank meets which of another would depend on chance.");
        var turn = new Turn(this);
        try
        {
            Exchange.Agree(call);
        }
        catch
        {
            turn.Dispose();
            throw;
        }
        return turn;
    }

    private readonly struct Turn(MpiCollective ranks) : IDisposable
    {
        public void Dispose() => ranks._isBusy = 0;
    }
}
