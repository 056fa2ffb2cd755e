using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// Trains a student with any <see cref="IDistillationLoss"/> (ARDIR's Algorithm 1 and its relatives), evaluates it after each
/// epoch, keeps the best and the last weights, and resumes from its last checkpoint when it was killed. On the CPU a resumed run
/// ends bit-equal to an uninterrupted one. With <see cref="TrainerOptions.Collective"/> several processes train together.
/// </summary>
/// <remarks>The models stay the caller's and are never disposed. The teacher runs in eval mode, without gradient, and its modes
/// are restored when the trainer is disposed. The student is put into train mode unless it already is, so that modules frozen by
/// the caller stay frozen. With several ranks each of them makes the trainer and then the same calls of <see cref="Fit"/>,
/// <see cref="RestoreBest"/>, <see cref="RestoreLast"/> and <see cref="RestoreAverage"/>.</remarks>
public sealed class DistillationTrainer : IDisposable
{
    private readonly TrainingSetup _setup;
    private readonly RunStore _store;
    private readonly TrainingStep _step;
    private bool _disposed;

    internal nn.Module<Tensor, Tensor> Student => _setup.Student;

    /// <summary>What the last <see cref="Fit"/> returned; null before it, and after it failed.</summary>
    internal TrainingResult? Result { get; private set; }

    /// <summary>Prepares a run: checks everything and moves the models to the device.</summary>
    /// <param name="student">The model to train: pixels in [0,1] to logits.</param>
    /// <param name="teacher">The model to learn from; null for losses that need none.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="options">Options; the recipe of Rice et al. when null.</param>
    /// <param name="standardTeacher">The second, ordinarily trained teacher of IAD-II and AKD2; null for losses that need none.</param>
    /// <exception cref="ArgumentException">An option is out of range, a teacher or an attack is missing, or a layer does not
    /// exist.</exception>
    /// <exception cref="InvalidOperationException">There is a checkpoint directory, but an attack, the loss or another option hides values,
    /// so that a resumed run could not be recognised (<see cref="StatedIdentity"/>).</exception>
    public DistillationTrainer(
        nn.Module<Tensor, Tensor> student, IModule? teacher, IDistillationLoss loss, TrainerOptions? options = null,
        IModule? standardTeacher = null)
        : this(student, loss, TrainingSetup.NetworksOf(teacher, standardTeacher), options)
    {
    }

    /// <summary>Prepares a run with any number of networks besides the student: checks everything and moves the models to the
    /// device.</summary>
    /// <param name="student">The model to train: pixels in [0,1] to logits.</param>
    /// <param name="loss">The objective. It finds the networks under the roles that it declares in
    /// <see cref="DistillationNeeds.Passes"/>.</param>
    /// <param name="networks">The networks that the student learns from, by role. They run in eval mode and without gradient. One that
    /// changes during the run, such as an average of the student, is updated by its owner, for example in the progress report of each step;
    /// return it from <see cref="IDistillationLoss.Trainable"/>, with parameters that require no gradient, so that checkpoints hold
    /// it.</param>
    /// <param name="options">Options; the recipe of Rice et al. when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, a network or the crafting of images is missing, a network shares
    /// modules or parameters with the student, or a layer does not exist.</exception>
    /// <exception cref="InvalidOperationException">There is a checkpoint directory, but an attack, the loss or another option hides values,
    /// so that a resumed run could not be recognised (<see cref="StatedIdentity"/>).</exception>
    /// <example><code>
    /// var second = new NetworkRole("second teacher");
    /// using var trainer = new DistillationTrainer(
    ///     student, loss, new Dictionary&lt;NetworkRole, IModule&gt; { [NetworkRole.Teacher] = first, [second] = another }, options);
    /// </code></example>
    public DistillationTrainer(
        nn.Module<Tensor, Tensor> student, IDistillationLoss loss, IReadOnlyDictionary<NetworkRole, IModule> networks,
        TrainerOptions? options = null)
    {
        _setup = SetupGuard.Check(student, networks, loss, options ?? new TrainerOptions());
        _setup.ToDevice();
        _store = new RunStore(_setup.Options.CheckpointDirectory);
        _step = new TrainingStep(_setup);
    }

    /// <summary>Trains, or resumes the run in the checkpoint directory. The result of a finished run is returned at once.</summary>
    /// <param name="train">The training set.</param>
    /// <param name="validation">Evaluated after each epoch; without it the last epoch counts as best.</param>
    /// <param name="progress">Receives reports during each epoch, and at its end when its checkpoint is on disk: see
    /// <see cref="TrainingLogs"/> for logs. An exception that it throws ends the run and is thrown by this method; the next call
    /// resumes from the checkpoint.</param>
    /// <param name="cancellationToken">Stops the run; the last checkpoint stays.</param>
    /// <remarks>The checkpoint directory belongs to one run at a time, held by a lock file there. Two simultaneous runs in one
    /// process share libtorch's global generator, which dropout draws from: training a student with dropout is then no longer
    /// repeatable. Everything else is.</remarks>
    /// <returns>Metrics of all epochs. The student holds the last weights and keeps its train mode.</returns>
    /// <exception cref="ArgumentException">A selection attack without a validation set, or a class that the student does not
    /// know.</exception>
    /// <exception cref="InvalidOperationException">The directory holds another run (the message says what differs), or the
    /// training diverged.</exception>
    /// <exception cref="WeightFormatException">The checkpoint is damaged.</exception>
    /// <exception cref="IOException">A checkpoint cannot be written (the one before is intact), or another run is using the
    /// directory.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public TrainingResult Fit(
        ImageDataset train, ImageDataset? validation = null, IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(train);
        using var activity = TrainingInstruments.StartFit(_setup.Loss, _setup.Options, train);
        try
        {
            return TorchSharpRuntime.Run(_setup.Options.Logger, () => FitTraced(train, validation, progress, cancellationToken));
        }
        catch (Exception e) when (ArdirDiagnostics.Failed(activity, e))
        {
            throw;
        }
    }

    private TrainingResult FitTraced(
        ImageDataset train, ImageDataset? validation, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        if (_setup.Options.SelectionAttack is not null && validation is null)
            throw new ArgumentException("A selection attack needs a validation set to run on.", nameof(validation));
        var ranks = _setup.Ranks;
        ranks.ThrowIfCancelled(cancellationToken);
        using var turn = Lock();
        using var tf32 = new Tf32Scope(_setup.Options.AllowTf32);
        using var run = new TrainingRun(_setup, train, validation, ranks.IsFirst ? progress : null, cancellationToken);
        _store.ForgetLast();
        Result = null;
        return Result = new TrainingLoop(run, _step, _store).Run();
    }

    /// <summary>Puts the weights and buffers of the best epoch into the student.</summary>
    /// <exception cref="InvalidOperationException">Nothing has been trained yet.</exception>
    /// <exception cref="WeightFormatException">The checkpoint is damaged.</exception>
    public void RestoreBest()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Restore(() => _store.LoadBest(_setup.Student));
    }

    /// <summary>Puts the weights and buffers of the last epoch back into the student, after <see cref="RestoreBest"/> or
    /// <see cref="RestoreAverage"/>.</summary>
    /// <exception cref="InvalidOperationException">Nothing has been trained yet.</exception>
    /// <exception cref="WeightFormatException">The checkpoint is damaged.</exception>
    public void RestoreLast()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Result is null) throw new InvalidOperationException("There is no last epoch yet; call Fit first.");
        Restore(() => _store.LoadLast(_setup.Student));
    }

    /// <summary>Puts the averaged weights of the last <see cref="Fit"/>, with their batch-norm statistics, into the student.</summary>
    /// <exception cref="InvalidOperationException">There is no average: <see cref="TrainerOptions.WeightAveraging"/> is not set,
    /// or its first epoch was not reached.</exception>
    public void RestoreAverage()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Restore(() => _store.LoadAverage(_setup.Student, _setup.Options.WeightAveraging));
    }

    /// <summary>Releases what the trainer holds. Student, teacher and data sets are the caller's and stay.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _step.Dispose();
        _store.Dispose();
    }

    // Only the first rank's folder is used.
    private RunLock? Lock()
    {
        RunLock? turn = null;
        _setup.Ranks.AtFirst(() => turn = _store.Lock());
        return turn;
    }

    // Only the first rank keeps weights.
    private void Restore(Action load)
    {
        _setup.Ranks.AtFirst(load);
        if (_setup.Ranks.AreSeveral) SharedState.Broadcast(_setup.Ranks, _setup.Student.state_dict().Values);
    }
}
