using Ardir.Attacks;
using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary>One row of the table: a network, how it was trained and how it did.</summary>
internal sealed record QuickstartModel(string Title, nn.Module<Tensor, Tensor> Model, TrainingResult Training, EpochMetrics Kept, List<(string Attack, RobustnessResult Result)> Results);
