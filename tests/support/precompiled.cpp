// Only here so that the header beside it is precompiled.
int main() {}
