using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ardir.Distillation;

/// <summary>Where and with what an <see cref="ExperimentRunner"/> works: what a plan can only name.</summary>
public sealed record ExperimentOptions
{
    /// <summary>Where to train.</summary>
    /// <value>The CPU by default.</value>
    public Device Device { get; init; } = CPU;

    /// <summary>The losses that methods can name.</summary>
    /// <value><see cref="ExperimentLosses.Standard"/> by default.</value>
    public ExperimentLosses Losses { get; init; } = ExperimentLosses.Standard;

    /// <summary>Attacks of your own that plans can name, made from the threat model.</summary>
    /// <value>Empty by default.</value>
    public IReadOnlyDictionary<string, Func<NormThreatModel, IAttack>> Attacks { get; init; } =
        new Dictionary<string, Func<NormThreatModel, IAttack>>();

    /// <summary>Another network than the plan's; null for a <see cref="PreActResNet"/>.</summary>
    /// <value>null by default.</value>
    public ExperimentNetworkFactory? Network { get; init; }

    /// <summary>Images per batch of an evaluation.</summary>
    /// <value>250 by default.</value>
    public int EvaluationBatchSize { get; init; } = 250;

    /// <summary>Time between two looks whether another process has finished the run that this one waits for.</summary>
    /// <value>Two seconds by default.</value>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Receives the log of trainers and evaluations.</summary>
    /// <value>None by default.</value>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
