using System.Runtime.CompilerServices;
using Ardir.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ardir.Attacks;

/// <summary>The settings that one call of an attack runs under. Immutable; every property has a default.</summary>
public sealed record AttackContext
{
    /// <summary>Root of all random numbers. The same seed gives the same result, whatever the batch size; give every training step a seed
    /// of its own.</summary>
    /// <value>0 by default.</value>
    public ulong Seed { get; init; }

    /// <summary>The index of each image in its data set, one per image. A sample's random stream is derived from its index, so results do
    /// not depend on batching.</summary>
    /// <value>null by default: 0 to N-1.</value>
    public IReadOnlyList<long>? SampleIndices { get; init; }

    /// <summary>Makes the attack targeted: int64 [N], the class that the model should predict for each image. Success is then
    /// <c>argmax == target</c>.</summary>
    /// <value>null by default: untargeted, success is <c>argmax != label</c>.</value>
    public Tensor? Targets { get; init; }

    /// <summary>Leaves the model in its current mode. Only for reproducing training recipes that attack in train mode (Rice et al., ARD,
    /// IAD): batch norm then uses batch statistics, and its running statistics change with every step of the attack. Never use it for
    /// evaluation.</summary>
    /// <value>false by default: eval mode.</value>
    public bool KeepModelMode { get; init; }

    /// <summary>Checked before every evaluation of the model.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Receives warnings about the model, such as gradients that are exactly zero, with the number of images.</summary>
    /// <value>A logger that drops everything by default.</value>
    public ILogger Logger
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Logger), "Leave Logger out to log nothing.");
    } = NullLogger.Instance;

    /// <summary>Images and labels whose values were checked before, so that the attack does not read them again. With it and
    /// <see cref="Diagnostics"/> an attack reads nothing on the host, for which a GPU would have to be waited for, unless its own search
    /// does (restarts, stopping at the first success, L1). It counts for these very tensors only.</summary>
    /// <value>null by default: everything is checked.</value>
    public CheckedBatch? Checked { get; init; }

    /// <summary>Collects on the device what many attacks notice about a model (NaN logits, broken or zero gradients), to be read at a time
    /// of the caller's choice. An evaluation does not use it: it reports by itself.</summary>
    /// <value>null by default: the end of each attack reads it, and throws or warns.</value>
    public AttackDiagnostics? Diagnostics { get; init; }

    /// <summary>What networks are known to answer on the images, so that a loss does not run them again.</summary>
    /// <value>Empty by default.</value>
    /// <exception cref="ArgumentException">null, or an entry is null.</exception>
    public IReadOnlyList<KnownOutput> Known
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value, nameof(Known));
            if (value.Any(known => known is null)) throw new ArgumentException("An entry is null.", nameof(Known));
            field = value;
        }
    } = [];

    /// <summary>Collects what the attack notices about single images, for the evaluation that runs it; null outside of an
    /// evaluation.</summary>
    internal AttackNotes? Notes { get; init; }

    /// <summary>The number of passes of which each gradient is the mean. <c>EotAttack</c> multiplies it, as a wrapper of your own may:
    /// attacks that derive from <c>Attack</c> take the mean, others must do so themselves.</summary>
    /// <value>1 by default.</value>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int EotSamples
    {
        get;
        init => field = value >= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(EotSamples), value, "EotSamples must be at least 1.");
    } = 1;

    /// <summary>In which order the convolutions of the model compute while the attack or evaluation runs. Changes the last digits of its
    /// results, and how long it takes. Whatever a third-party attack calls within an evaluation computes in it, too; the networks that a
    /// loss asks, such as a teacher, do not.</summary>
    /// <value><see cref="Ardir.Core.MemoryFormat.Contiguous"/> by default.</value>
    /// <exception cref="ArgumentOutOfRangeException">Not a member of the enumeration.</exception>
    public MemoryFormat MemoryFormat
    {
        get;
        init => field = Defined(value);
    }

    /// <summary>By which algorithm 3x3 convolutions of the model compute while the attack or evaluation runs. Changes the last digits of
    /// its results, and how long they take. Winograd's is fastest with as many <see cref="Shards"/> as there are cores. Other threads that
    /// call the model meanwhile compute as before. Without effect with <see cref="Ardir.Attacks.SearchPrecision.BFloat16"/>.</summary>
    /// <value><see cref="ConvolutionAlgorithm.Direct"/> by default.</value>
    /// <exception cref="ArgumentOutOfRangeException">Not a member of the enumeration.</exception>
    public ConvolutionAlgorithm Convolutions
    {
        get;
        init => field = Defined(value);
    }

    /// <summary>Whether the model is to be held in a <see cref="WinogradScope"/>.</summary>
    internal bool UsesWinograd => Convolutions == ConvolutionAlgorithm.Winograd && SearchPrecision == SearchPrecision.Full;

    /// <summary>Whether batch norms compute as a part of the convolutions that they follow while the attack or evaluation runs, in networks
    /// that call them by <see cref="FusedLayers"/>, such as those of the catalogue (<see cref="FoldedScope"/>). Changes the last digits
    /// of the results, and how long they take. Without effect on layers in train mode, and on those that compute in bfloat16
    /// (<see cref="SearchPrecision"/>).</summary>
    /// <value>false by default.</value>
    public bool FoldBatchNorm { get; init; }

    /// <summary>On how many threads an attack derived from <c>Attack</c> runs on the CPU: each attacks a part of the batch, and libtorch
    /// helps it with its share of the cores only. The result is the same as on one thread, up to rounding. Only a model whose modules are
    /// all in eval mode is attacked in this way; any other, and one that is no <c>nn.Module</c>, is attacked on one thread. The model and
    /// the loss are called by several threads at once, so they must not keep state between calls; <see cref="Progress"/> is called by one
    /// at a time. A model that draws random numbers draws others.</summary>
    /// <value>1 by default; <see cref="AttackShards.Automatic"/> measures whether more are faster.</value>
    /// <exception cref="ArgumentOutOfRangeException">Below 0.</exception>
    public int Shards
    {
        get;
        init => field = value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(
                nameof(Shards), value, "Shards must be at least 1, or AttackShards.Automatic.");
    } = 1;

    /// <summary>In which precision attacks with <c>Attack.AllowsLowPrecision</c> (FGSM, MI-FGSM, PGD, APGD) compute the gradients that they
    /// follow. A point counts only when the model itself says so, in its own precision: samples that seem broken are asked again. The model
    /// is then attacked on one thread (<see cref="Shards"/>), and no other thread may use it meanwhile. A model whose layers do not accept
    /// bfloat16 fails with the message of libtorch.</summary>
    /// <value><see cref="Ardir.Attacks.SearchPrecision.Full"/> by default.</value>
    /// <exception cref="ArgumentOutOfRangeException">Not a member of the enumeration.</exception>
    public SearchPrecision SearchPrecision
    {
        get;
        init => field = Defined(value);
    }

    /// <summary>Receives a report after every step.</summary>
    /// <value>null by default.</value>
    public IProgress<AttackProgress>? Progress { get; init; }

    private static T Defined<T>(T value, [CallerMemberName] string name = "") where T : struct, Enum => Enum.IsDefined(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is not a member of the enumeration.");
}
