namespace Ardir.Distillation;

/// <summary>The networks of one run: the student, and the trained teachers that its method names.</summary>
internal sealed record RunNetworks(nn.Module<Tensor, Tensor> Student, IModule? Teacher, IModule? StandardTeacher);
