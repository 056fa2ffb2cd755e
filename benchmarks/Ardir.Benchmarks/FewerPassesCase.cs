using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>A network in eval mode, its test images and what may change.</summary>
internal sealed record FewerPassesCase(nn.Module<Tensor, Tensor> Model, Tensor Images, Tensor Labels, ThreatModel Threat);
